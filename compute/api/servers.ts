import { isUtf8 } from 'node:buffer';
import { isIP } from 'node:net';
import { type Static, Type } from 'typebox';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { linkedPage, pageRequest } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy, projectMember, projectReader } from '../../common/policy/rules.ts';
import { addressesOf as addressesByServer } from '../../network/ports.ts';
import { createPolicy, createServer, type NewServer } from '../servers/create.ts';
import { deleteServer, updateServer } from '../servers/operations.ts';
import { getServer, listServers } from '../servers/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { AccessAddress, Count, closed, DiskConfig, Metadata, Name } from './fields.ts';
import { linksOf } from './links.ts';
import { serverFilter, serverQueryPolicy, serverScope, serverSort } from './server-query.ts';
import { addressView, plainServerView, serverSummary, serverViews } from './server-view.ts';

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
export const serverPartPolicy = { ...createPolicy, ...serverQueryPolicy };

const Uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$' });

const CreateServer = Type.Object(
  {
    server: Type.Object(
      {
        name: Name,
        imageRef: Type.Optional(Type.String({ maxLength: 255 })),
        flavorRef: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer()]),
        key_name: Type.Optional(Type.String({ maxLength: 255 })),
        metadata: Type.Optional(Metadata),
        user_data: Type.Optional(Type.Union([Type.Null(), Type.String({ maxLength: 65_535 })])),
        config_drive: Type.Optional(
          Type.Union([
            Type.Null(),
            Type.Boolean(),
            Type.String({ pattern: '^(true|True|TRUE|false|False|FALSE|1|0|yes|no|on|off)?$' }),
          ]),
        ),
        availability_zone: Type.Optional(Name),
        networks: Type.Optional(
          Type.Array(
            Type.Object(
              {
                uuid: Type.Optional(Type.Union([Uuid, Type.Null()])),
                port: Type.Optional(Type.Union([Uuid, Type.Null()])),
                fixed_ip: Type.Optional(Type.Union([Type.String({ maxLength: 45 }), Type.Null()])),
              },
              closed,
            ),
            { maxItems: 32 },
          ),
        ),
        security_groups: Type.Optional(
          Type.Array(Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }) }, closed), { maxItems: 64 }),
        ),
        accessIPv4: Type.Optional(AccessAddress),
        accessIPv6: Type.Optional(AccessAddress),
        min_count: Type.Optional(Count(1)),
        max_count: Type.Optional(Count(1)),
        'OS-DCF:diskConfig': Type.Optional(DiskConfig),
      },
      closed,
    ),
  },
  closed,
);

const UpdateServer = Type.Object(
  {
    server: Type.Object(
      {
        name: Type.Optional(Name),
        accessIPv4: Type.Optional(AccessAddress),
        accessIPv6: Type.Optional(AccessAddress),
        'OS-DCF:diskConfig': Type.Optional(DiskConfig),
      },
      { ...closed, minProperties: 1 },
    ),
  },
  closed,
);

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
        const scope = serverScope(deps, ctx, query);
        const { servers, more } = await listServers(deps.db, scope, serverFilter(ctx, query), page, serverSort(query));
        const views =
          kind === 'index'
            ? servers.map((server) => serverSummary(deps.url, server))
            : await serverViews(deps, ctx, version, servers);
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
    status: 202,
    async handler({ ctx, body }, h) {
      const server = await createServer(deps, ctx, newServer(body.server));
      const links = linksOf(deps.url, `servers/${server.id}`);
      const groups = body.server.security_groups ?? [{ name: 'default' }];
      const view = {
        id: server.id,
        links,
        'OS-DCF:diskConfig': server.diskConfig,
        security_groups: groups.map(({ name }) => ({ name })),
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
    async handler({ ctx, params, body: { server: changes } }) {
      const server = await updateServer(deps, ctx, params.server_id ?? '', {
        name: changes.name,
        accessIpv4: accessAddress(changes.accessIPv4, 4),
        accessIpv6: accessAddress(changes.accessIPv6, 6),
        diskConfig: changes['OS-DCF:diskConfig'],
      });
      return { server: await plainServerView(deps, ctx, server) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v2.1/servers/{server_id}',
    rule: serverPolicy['os_compute_api:servers:delete'],
    summary: 'Delete a server',
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

function newServer(asked: Static<typeof CreateServer>['server']): NewServer {
  if (!asked.imageRef)
    throw new BadRequest('Missing imageRef attribute: servers start from an image; block devices do not exist yet.');
  if (Number(asked.min_count ?? 1) !== 1 || Number(asked.max_count ?? 1) !== 1)
    throw new BadRequest('Invalid input for field/attribute max_count: servers are created one at a time.');
  return {
    name: asked.name,
    imageId: asked.imageRef,
    flavorId: String(asked.flavorRef),
    keyName: asked.key_name ?? null,
    metadata: asked.metadata ?? {},
    userData: userData(asked.user_data ?? null),
    availabilityZone: asked.availability_zone ?? null,
    networks: asked.networks?.map(networkRequest),
    securityGroups: asked.security_groups?.map(({ name }) => name),
    accessIpv4: accessAddress(asked.accessIPv4, 4) ?? '',
    accessIpv6: accessAddress(asked.accessIPv6, 6) ?? '',
    diskConfig: asked['OS-DCF:diskConfig'] ?? 'MANUAL',
  };
}

function networkRequest(asked: { uuid?: string | null; port?: string | null; fixed_ip?: string | null }) {
  if (asked.fixed_ip && isIP(asked.fixed_ip) === 0)
    throw new BadRequest(`Invalid input for field/attribute fixed_ip. Value: ${asked.fixed_ip} is no address.`);
  if (asked.port) {
    if (asked.fixed_ip)
      throw new BadRequest(
        `Specified Fixed IP '${asked.fixed_ip}' cannot be used with port '${asked.port}': the two cannot be specified together.`,
      );
    return { portId: asked.port };
  }
  if (!asked.uuid) throw new BadRequest("Bad network format: missing 'uuid'");
  return { networkId: asked.uuid, fixedIp: asked.fixed_ip ?? undefined };
}

/** Base64 of UTF-8 text: the config drive is written as text. */
function userData(asked: string | null): string | null {
  if (asked === null || asked === '') return null;
  const bytes = Buffer.from(asked, 'base64');
  const isBase64 = bytes.toString('base64').replace(/=+$/, '') === asked.replace(/\s/g, '').replace(/=+$/, '');
  if (!isBase64) throw new BadRequest('Userdata content cannot be decoded');
  if (!isUtf8(bytes)) throw new BadRequest('Userdata must be text in UTF-8.');
  return asked;
}

function accessAddress(asked: string | undefined, family: 4 | 6): string | undefined {
  if (asked === undefined || asked === '' || isIP(asked) === family) return asked;
  throw new BadRequest(`Invalid input for field/attribute accessIPv${family}. Value: ${asked}.`);
}
