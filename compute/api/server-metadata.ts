import { Type } from 'typebox';
import { visibleTo } from '../../common/context.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy, projectMember, projectReader } from '../../common/policy/rules.ts';
import { changeMetadata } from '../servers/labels.ts';
import { getServer } from '../servers/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed, Metadata } from './fields.ts';

export const serverMetadataPolicy = definePolicy({
  'os_compute_api:server-metadata:index': projectReader('List the metadata of a server'),
  'os_compute_api:server-metadata:show': projectReader('Show one item of metadata of a server'),
  'os_compute_api:server-metadata:create': projectMember('Add metadata to a server'),
  'os_compute_api:server-metadata:update_all': projectMember('Replace the metadata of a server'),
  'os_compute_api:server-metadata:update': projectMember('Set one item of metadata of a server'),
  'os_compute_api:server-metadata:delete': projectMember('Remove one item of metadata of a server'),
});

const Items = Type.Object({ metadata: Metadata }, closed);
const Item = Type.Object({ meta: Metadata }, closed);
const base = '/v2.1/servers/{server_id}/metadata';

export const serverMetadataRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: base,
    rule: serverMetadataPolicy['os_compute_api:server-metadata:index'],
    summary: 'List the metadata of a server',
    status: 200,
    async handler({ ctx, params }) {
      return { metadata: (await getServer(deps.db, visibleTo(ctx), params.server_id ?? '')).metadata };
    },
  }),
  route({
    method: 'POST',
    path: base,
    rule: serverMetadataPolicy['os_compute_api:server-metadata:create'],
    summary: 'Add metadata to a server',
    body: Items,
    status: 200,
    async handler({ ctx, params, body }) {
      const added = Object.entries(body.metadata);
      const metadata = await changeMetadata(deps, ctx, params.server_id ?? '', (old) => new Map([...old, ...added]));
      return { metadata };
    },
  }),
  route({
    method: 'PUT',
    path: base,
    rule: serverMetadataPolicy['os_compute_api:server-metadata:update_all'],
    summary: 'Replace the metadata of a server',
    body: Items,
    status: 200,
    async handler({ ctx, params, body }) {
      const all = new Map(Object.entries(body.metadata));
      return { metadata: await changeMetadata(deps, ctx, params.server_id ?? '', () => all) };
    },
  }),
  route({
    method: 'GET',
    path: `${base}/{key}`,
    rule: serverMetadataPolicy['os_compute_api:server-metadata:show'],
    summary: 'Show one item of metadata of a server',
    status: 200,
    async handler({ ctx, params }) {
      const { metadata } = await getServer(deps.db, visibleTo(ctx), params.server_id ?? '');
      const key = params.key ?? '';
      if (!Object.hasOwn(metadata, key)) throw new NotFound('Metadata item', key);
      return { meta: { [key]: metadata[key] } };
    },
  }),
  route({
    method: 'PUT',
    path: `${base}/{key}`,
    rule: serverMetadataPolicy['os_compute_api:server-metadata:update'],
    summary: 'Set one item of metadata of a server',
    body: Item,
    status: 200,
    async handler({ ctx, params, body: { meta } }) {
      const key = params.key ?? '';
      const value = Object.hasOwn(meta, key) ? meta[key] : undefined;
      if (value === undefined || Object.keys(meta).length !== 1) throw new BadRequest('Request body and URI mismatch');
      await changeMetadata(deps, ctx, params.server_id ?? '', (old) => new Map([...old, [key, value]]));
      return { meta: { [key]: value } };
    },
  }),
  route({
    method: 'DELETE',
    path: `${base}/{key}`,
    rule: serverMetadataPolicy['os_compute_api:server-metadata:delete'],
    summary: 'Remove one item of metadata of a server',
    status: 204,
    async handler({ ctx, params }, h) {
      const key = params.key ?? '';
      await changeMetadata(deps, ctx, params.server_id ?? '', (old) => {
        if (!old.has(key)) throw new NotFound('Metadata item', key);
        return new Map([...old].filter(([name]) => name !== key));
      });
      return noContent(h);
    },
  }),
];
