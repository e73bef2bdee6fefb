/** Floating IPs for clients that ask Compute for them, until 2.35 (nova/api/openstack/compute/floating_ips.py). */
import { Type } from 'typebox';
import { type ProjectContext, visibleTo } from '../../../common/context.ts';
import { BadRequest, NotFound, OverQuota } from '../../../common/errors.ts';
import { route } from '../../../common/http/route.ts';
import { authenticated, definePolicy, projectMember, projectReader } from '../../../common/policy/rules.ts';
import { defaultExternalNetwork } from '../../../network/auto-allocated-topology/topology.ts';
import { AutoAllocationFailure, ExternalIpAddressExhausted } from '../../../network/errors.ts';
import { createFloatingIp, deleteFloatingIp } from '../../../network/floating-ips/operations.ts';
import { networkPolicy } from '../../../network/policy.ts';
import {
  getProxiedFloatingIp,
  listPools,
  listProxiedFloatingIps,
  type ProxiedFloatingIp,
} from '../../../network/proxied.ts';
import type { ComputeApiDeps } from '../deps.ts';
import { enterProxy } from './proxy.ts';

export const floatingIpPolicy = definePolicy({
  'os_compute_api:os-floating-ips:list': projectReader('List floating IPs, through Compute'),
  'os_compute_api:os-floating-ips:show': projectReader('Show a floating IP, through Compute'),
  'os_compute_api:os-floating-ips:create': projectMember('Create a floating IP, through Compute'),
  'os_compute_api:os-floating-ips:delete': projectMember('Delete a floating IP, through Compute'),
  'os_compute_api:os-floating-ip-pools': {
    ...authenticated('List the networks that floating IPs come from, through Compute'),
    scopes: ['project'],
  },
});

const base = '/v2.1/os-floating-ips';
const Pool = Type.Union([
  Type.Null(),
  Type.Object({ pool: Type.Optional(Type.Union([Type.Null(), Type.String({ maxLength: 255 })])) }),
]);

export const floatingIpRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: base,
    rule: floatingIpPolicy['os_compute_api:os-floating-ips:list'],
    summary: 'List the floating IPs of the project, until 2.35',
    status: 200,
    async handler({ ctx, version }) {
      enterProxy(deps, { ctx, version }, networkPolicy.get_floatingip);
      const all = await listProxiedFloatingIps(deps.db, { projectId: ctx.projectId });
      return { floating_ips: all.map(floatingIpView) };
    },
  }),
  route({
    method: 'POST',
    path: base,
    rule: floatingIpPolicy['os_compute_api:os-floating-ips:create'],
    summary: 'Create a floating IP of a network, or of the default one, until 2.35',
    body: Pool,
    status: 200,
    async handler({ ctx, body, version }) {
      enterProxy(deps, { ctx, version }, networkPolicy.create_floatingip);
      const pool = body?.pool || undefined;
      const floating_network_id = await poolId(deps, ctx, pool);
      const made = await createFloatingIp(deps, ctx, { floating_network_id }).catch(refusalOf(pool));
      return { floating_ip: floatingIpView(await getProxiedFloatingIp(deps.db, visibleTo(ctx), made.id)) };
    },
  }),
  route({
    method: 'GET',
    path: `${base}/{floating_ip_id}`,
    rule: floatingIpPolicy['os_compute_api:os-floating-ips:show'],
    summary: 'Show a floating IP, until 2.35',
    status: 200,
    async handler({ ctx, params, version }) {
      enterProxy(deps, { ctx, version }, networkPolicy.get_floatingip);
      const id = params.floating_ip_id ?? '';
      const found = await getProxiedFloatingIp(deps.db, visibleTo(ctx), id).catch(unknownId(id));
      return { floating_ip: floatingIpView(found) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${base}/{floating_ip_id}`,
    rule: floatingIpPolicy['os_compute_api:os-floating-ips:delete'],
    summary: 'Delete a floating IP, whatever it points at, until 2.35',
    status: 202,
    async handler({ ctx, params, version }, h) {
      enterProxy(deps, { ctx, version }, networkPolicy.delete_floatingip);
      const id = params.floating_ip_id ?? '';
      await deleteFloatingIp(deps, ctx, id).catch(unknownId(id));
      return h.response().code(202);
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/os-floating-ip-pools',
    rule: floatingIpPolicy['os_compute_api:os-floating-ip-pools'],
    summary: 'List the networks that floating IPs come from, until 2.35',
    status: 200,
    async handler({ ctx, version }) {
      enterProxy(deps, { ctx, version }, networkPolicy.get_network);
      const pools = await listPools(deps.db, visibleTo(ctx));
      return { floating_ip_pools: pools.map(({ id, name }) => ({ name: name || id })) };
    },
  }),
];

function floatingIpView({ id, address, pool, guestId, association }: ProxiedFloatingIp) {
  return { id, ip: address, pool, fixed_ip: association?.fixedAddress ?? null, instance_id: guestId };
}

/** By id or name; none: the one that is taken where none is named. Throws `NotFound`, and `BadRequest` for a name of several. */
async function poolId({ db }: ComputeApiDeps, ctx: ProjectContext, pool: string | undefined): Promise<string> {
  if (pool === undefined)
    return await defaultExternalNetwork(db).catch((error) => {
      throw error instanceof AutoAllocationFailure ? poolNotFound() : error;
    });
  const pools = await listPools(db, visibleTo(ctx));
  const byId = pools.filter(({ id }) => id === pool.toLowerCase());
  const [found, ...others] = byId.length > 0 ? byId : pools.filter(({ name }) => name === pool);
  if (others.length > 0) throw new BadRequest(`Multiple floating IP pools matches found for name '${pool}'`);
  if (found === undefined) throw poolNotFound();
  return found.id;
}

function poolNotFound(): NotFound {
  return told('Floating IP pool not found.');
}

const unknownId =
  (id: string) =>
  (error: unknown): never => {
    throw error instanceof NotFound ? told(`Floating IP not found for ID ${id}`) : error;
  };

function told(message: string): NotFound {
  return Object.assign(new NotFound('Floating IP', ''), { message });
}

/** In Nova's words, with what Network said of the quota. */
function refusalOf(pool: string | undefined) {
  const where = pool === undefined ? '' : ` in pool ${pool}`;
  return (error: unknown): never => {
    if (error instanceof ExternalIpAddressExhausted)
      throw told(pool === undefined ? 'No more floating IPs available.' : `No more floating IPs${where}.`);
    if (error instanceof OverQuota) throw new OverQuota(`IP allocation over quota${where}. ${error.message}`);
    throw error;
  };
}
