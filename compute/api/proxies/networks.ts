/** Networks for clients that ask Compute for them, until 2.35: their ids and names (nova's networks.py, tenant_networks.py). */
import { visibleTo } from '../../../common/context.ts';
import { NotFound } from '../../../common/errors.ts';
import { route } from '../../../common/http/route.ts';
import { definePolicy, projectReader } from '../../../common/policy/rules.ts';
import type { Network } from '../../../network/networks/network.ts';
import { networkPolicy } from '../../../network/policy.ts';
import { getNetwork, listNetworks } from '../../../network/proxied.ts';
import type { ComputeApiDeps } from '../deps.ts';
import { enterProxy } from './proxy.ts';

export const networkProxyPolicy = definePolicy({
  'os_compute_api:os-networks:list': projectReader('List networks, through Compute'),
  'os_compute_api:os-networks:show': projectReader('Show a network, through Compute'),
  'os_compute_api:os-tenant-networks:list': projectReader('List networks in short, through Compute'),
  'os_compute_api:os-tenant-networks:show': projectReader('Show a network in short, through Compute'),
});

const kinds = [
  { kind: 'os-networks', view: networkView },
  { kind: 'os-tenant-networks', view: shortView },
] as const;

export const networkProxyRoutes = (deps: ComputeApiDeps) =>
  kinds.flatMap(({ kind, view }) => [
    route({
      method: 'GET',
      path: `/v2.1/${kind}`,
      rule: networkProxyPolicy[`os_compute_api:${kind}:list`],
      summary: 'List networks, until 2.35',
      status: 200,
      async handler({ ctx, version }) {
        enterProxy(deps, { ctx, version }, networkPolicy.get_network);
        const networks = await listNetworks(deps.db, visibleTo(ctx));
        return { networks: networks.map((network) => view(network, ctx)) };
      },
    }),
    route({
      method: 'GET',
      path: `/v2.1/${kind}/{network_id}`,
      rule: networkProxyPolicy[`os_compute_api:${kind}:show`],
      summary: 'Show a network, until 2.35',
      status: 200,
      async handler({ ctx, params, version }) {
        enterProxy(deps, { ctx, version }, networkPolicy.get_network);
        const network = await getNetwork(deps.db, visibleTo(ctx), params.network_id ?? '').catch((error) => {
          throw error instanceof NotFound ? Object.assign(error, { message: 'Network not found' }) : error;
        });
        return { network: view(network, ctx) };
      },
    }),
  ]);

/** What the networks of nova-network had, which those of Network have elsewhere: in their subnets. */
const fields = ['cidr', 'netmask', 'gateway', 'broadcast', 'dns1', 'dns2', 'cidr_v6', 'gateway_v6', 'netmask_v6'];
const adminFields = [
  ...['created_at', 'updated_at', 'deleted_at', 'deleted', 'injected', 'bridge', 'vlan', 'vpn_public_address'],
  ...['vpn_public_port', 'vpn_private_address', 'dhcp_start', 'project_id', 'host', 'bridge_interface', 'multi_host'],
  ...['priority', 'rxtx_base', 'mtu', 'dhcp_server', 'enable_dhcp', 'share_address'],
];

function networkView({ id, name }: Network, { isAdmin }: { isAdmin: boolean }) {
  const unknown = [...fields, ...(isAdmin ? adminFields : [])].map((field) => [field, null]);
  return { ...Object.fromEntries(unknown), id, label: name };
}

/** The word `None` is what Nova has always answered. */
function shortView({ id, name }: Network) {
  return { id, cidr: 'None', label: name };
}
