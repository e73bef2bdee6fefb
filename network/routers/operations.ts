import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { type NetworkDeps, ownerOf } from '../deps.ts';
import { RouterInUse } from '../errors.ts';
import { change, requestDeletion } from '../lifecycle.ts';
import { networkPolicy as policy } from '../policy.ts';
import { removePort } from '../ports/removal.ts';
import { checkQuota } from '../quotas/operations.ts';
import { checkedRoutes } from '../subnets/rules.ts';
import type { HostRoute } from '../subnets/subnet.ts';
import { type GatewayInfo, setGateway } from './gateway.ts';
import { checkNextHops, legsOf } from './legs.ts';
import type { Router } from './router.ts';
import { getRouter, lockRouter } from './store.ts';

export interface RouterAttributes {
  name?: string;
  description?: string;
  admin_state_up?: boolean;
  external_gateway_info?: GatewayInfo | null;
  routes?: HostRoute[] | null;
}

export interface NewRouter extends Omit<RouterAttributes, 'routes'> {
  project_id?: string;
  tenant_id?: string;
}

export async function createRouter(deps: NetworkDeps, ctx: ProjectContext, asked: NewRouter): Promise<Router> {
  const projectId = ownerOf(ctx, asked);
  return await deps.db.transaction(async (trx) => {
    await checkQuota(trx, projectId, 'router');
    const [{ id }] = await trx('routers')
      .insert({
        project_id: projectId,
        name: asked.name,
        description: asked.description,
        admin_state_up: asked.admin_state_up,
      })
      .returning('id');
    const router = await getRouter(trx, 'everyone', id);
    const gateway = await setGateway(trx, deps, ctx, router, asked.external_gateway_info ?? null, 'create_router');
    await change(trx, 'routers', id, gateway);
    return getRouter(trx, 'everyone', id);
  });
}

export async function updateRouter(
  deps: NetworkDeps,
  ctx: ProjectContext,
  id: string,
  asked: RouterAttributes,
): Promise<Router> {
  return await deps.db.transaction(async (trx) => {
    const router = await lockRouter(trx, visibleTo(ctx), id);
    deps.enforcer.authorize(ctx, policy.update_router, { project_id: router.projectId });
    const gateway =
      asked.external_gateway_info === undefined
        ? {}
        : await setGateway(trx, deps, ctx, router, asked.external_gateway_info, 'update_router');
    await change(trx, 'routers', id, {
      name: asked.name,
      description: asked.description,
      admin_state_up: asked.admin_state_up,
      ...gateway,
    });
    if (asked.routes !== undefined) await writeRoutes(trx, id, asked.routes ?? []);
    return getRouter(trx, 'everyone', id);
  });
}

/** Adds or removes some routes and leaves the others as they are, whatever came between (extraroute-atomic). */
export async function changeRoutes(
  { db, enforcer }: NetworkDeps,
  ctx: ProjectContext,
  id: string,
  action: 'add_extraroutes' | 'remove_extraroutes',
  asked: HostRoute[],
): Promise<Router> {
  return await db.transaction(async (trx) => {
    const router = await lockRouter(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy[action], { project_id: router.projectId });
    const given = new Set(checkedRoutes(asked, 'routes').map(keyOf));
    const others = router.routes.filter((route) => !given.has(keyOf(route)));
    await writeRoutes(trx, id, action === 'add_extraroutes' ? [...others, ...asked] : others);
    return getRouter(trx, 'everyone', id);
  });
}

const keyOf = ({ destination, nexthop }: HostRoute) => `${destination} ${nexthop}`;

async function writeRoutes(trx: NetworkDeps['db'], id: string, asked: HostRoute[]): Promise<void> {
  const routes = checkedRoutes(asked, 'routes');
  checkNextHops(await legsOf(trx, id), routes);
  await change(trx, 'routers', id, { routes: JSON.stringify(routes) });
}

/** Refused while it has interfaces; the gateway goes with it. */
export async function deleteRouter({ db, enforcer }: NetworkDeps, ctx: ProjectContext, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    const router = await lockRouter(trx, visibleTo(ctx), id);
    enforcer.authorize(ctx, policy.delete_router, { project_id: router.projectId });
    const legs = await legsOf(trx, id);
    if (legs.some((leg) => leg.owner === 'network:router_interface'))
      throw new RouterInUse(`Router ${id} still has ports.`);
    await change(trx, 'routers', id, { external_network_id: null, gateway_port_id: null });
    if (router.gateway) await removePort(trx, router.gateway.portId);
    await trx('network_tags').where({ resource_id: id }).delete();
    await requestDeletion(trx, 'routers', id);
  });
}
