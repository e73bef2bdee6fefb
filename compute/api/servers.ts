import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { NotFound } from '../../common/errors.ts';
import { linkedPage, pageRequest } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy, projectMember, projectReader } from '../../common/policy/rules.ts';
import { isYes } from '../../common/truth.ts';
import { addressesOf as addressesByServer } from '../../network/ports.ts';
import { createServers } from '../servers/create.ts';
import { deleteServer } from '../servers/deletion.ts';
import { imageFitPolicy } from '../servers/image-fit.ts';
import { updateServer } from '../servers/labels.ts';
import { listServers } from '../servers/listing.ts';
import { placePolicy } from '../servers/place.ts';
import { getServer } from '../servers/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { tellCreation, tellDeletion } from './dry-run.ts';
import { linksOf } from './links.ts';
import { CreateServer, newServer, UpdateServer } from './server-body.ts';
import { accessAddress, checkHostname, refuseBefore } from './server-fields.ts';
import { serverFilter, serverQueryPolicy, serverScope, serverSort } from './server-query.ts';
import { addressView, changedServerView, serverSummary, serverViewPolicy, serverViews } from './server-view.ts';

export const serverPolicy = definePolicy({
  'os_compute_api:servers:index': projectReader('List servers'),
  'os_compute_api:servers:detail': projectReader('List servers with details'),
  'os_compute_api:servers:show': projectReader('Show a server'),
  'os_compute_api:servers:create': projectMember('Create a server'),
  'os_compute_api:servers:update': projectMember('Update a server'),
  'os_compute_api:servers:delete': projectMember('Delete a server'),
  'os_compute_api:ips:index': projectReader('List the addresses of a server'),
  'os_compute_api:ips:show': projectReader('Show the addresses of a server on one network'),
});

/** Those that guard part of a request. */
export const serverPartPolicy = { ...placePolicy, ...imageFitPolicy, ...serverQueryPolicy, ...serverViewPolicy };

export const serverRoutes = (deps: ComputeApiDeps) => [
  ...(['index', 'detail'] as const).map((kind) =>
    route({
      method: 'GET',
      path: kind === 'index' ? '/v2.1/servers' : '/v2.1/servers/detail',
      rule: serverPolicy[`os_compute_api:servers:${kind}`],
      summary: kind === 'index' ? 'List servers' : 'List servers with details',
      status: 200,
      async handler({ ctx, query, request, version }) {
        const page = pageRequest(query);
        const scope = serverScope(deps, ctx, query, kind);
        const filter = serverFilter(deps, ctx, query, version, scope);
        const { servers, more } = await listServers(deps.db, scope, filter, page, serverSort(ctx, query, version));
        const views =
          kind === 'index'
            ? servers.map((server) => serverSummary(deps.url, server))
            : await serverViews(deps, ctx, version, servers, { isList: true });
        const base = `${deps.url.versioned}/servers${kind === 'index' ? '' : '/detail'}`;
        const { limit } = page;
        return linkedPage('servers', views, { more, marker: servers.at(-1)?.id, url: request.url, base, limit });
      },
    }),
  ),
  route({
    method: 'POST',
    path: '/v2.1/servers',
    rule: serverPolicy['os_compute_api:servers:create'],
    summary: 'Create a server',
    body: CreateServer,
    dryRun: ({ ctx }, run) => tellCreation(deps, ctx, run),
    status: 202,
    async handler({ ctx, body, version }, h) {
      const asked = newServer(version, body);
      const [server] = await createServers(deps, ctx, asked);
      if (server === undefined) throw new Error('No server was made, and none was refused.');
      if (isYes(body.server.return_reservation_id))
        return h.response({ reservation_id: server.reservationId }).code(202);
      const links = linksOf(deps.url, `servers/${server.id}`);
      const groups = body.server.security_groups ?? [{ name: 'default' }];
      const view = {
        id: server.id,
        links,
        'OS-DCF:diskConfig': server.diskConfig,
        security_groups: groups.map(({ name }) => ({ name })),
        adminPass: asked.adminPassword,
      };
      return h
        .response({ server: view })
        .code(202)
        .header('location', links[0]?.href ?? '');
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}',
    rule: serverPolicy['os_compute_api:servers:show'],
    summary: 'Show a server',
    status: 200,
    async handler({ ctx, params, version }) {
      const server = await getServer(deps.db, visibleTo(ctx), params.server_id ?? '');
      const [view] = await serverViews(deps, ctx, version, [server]);
      return { server: view };
    },
  }),
  route({
    method: 'PUT',
    path: '/v2.1/servers/{server_id}',
    rule: serverPolicy['os_compute_api:servers:update'],
    summary: 'Change the name and other labels of a server',
    body: UpdateServer,
    status: 200,
    async handler({ ctx, params, version, body: { server: changes } }) {
      refuseBefore(version, changes, { description: [2, 19], hostname: [2, 90] });
      const server = await updateServer(deps, ctx, params.server_id ?? '', {
        name: changes.name,
        hostname: checkHostname(version, changes.hostname),
        description: changes.description,
        accessIpv4: accessAddress(changes.accessIPv4, 4),
        accessIpv6: accessAddress(changes.accessIPv6, 6),
        diskConfig: changes['OS-DCF:diskConfig'],
      });
      return { server: await changedServerView(deps, ctx, version, server, 'update') };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.1/servers/{server_id}',
    rule: serverPolicy['os_compute_api:servers:delete'],
    summary: 'Delete a server',
    dryRun: ({ ctx, params }, run) => tellDeletion(deps, ctx, params.server_id ?? '', run),
    status: 204,
    async handler({ ctx, params }, h) {
      await deleteServer(deps, ctx, params.server_id ?? '');
      return noContent(h);
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/ips',
    rule: serverPolicy['os_compute_api:ips:index'],
    summary: 'List the addresses of a server by network',
    status: 200,
    handler: async ({ ctx, params }) => ({ addresses: await addressesOf(deps, ctx, params.server_id ?? '') }),
  }),
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/ips/{network_label}',
    rule: serverPolicy['os_compute_api:ips:show'],
    summary: 'Show the addresses of a server on one network',
    status: 200,
    async handler({ ctx, params }) {
      const label = params.network_label ?? '';
      const addresses = await addressesOf(deps, ctx, params.server_id ?? '');
      if (!Object.hasOwn(addresses, label)) throw new NotFound('Network', label);
      return { [label]: addresses[label] };
    },
  }),
];

async function addressesOf({ db }: ComputeApiDeps, ctx: ProjectContext, id: string) {
  const server = await getServer(db, visibleTo(ctx), id);
  return addressView((await addressesByServer(db, [server.id])).get(server.id) ?? [], { extended: false });
}
