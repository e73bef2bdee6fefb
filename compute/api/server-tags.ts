/** Tags of servers, since 2.26 (nova/api/openstack/compute/server_tags.py). */
import { Type } from 'typebox';
import { visibleTo } from '../../common/context.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy, projectMember, projectReader } from '../../common/policy/rules.ts';
import { changeTags, maximumTags, removeTag } from '../servers/labels.ts';
import { getServer } from '../servers/store.ts';
import { requireSince } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';
import { closed, Tag } from './fields.ts';

export const serverTagPolicy = definePolicy({
  'os_compute_api:os-server-tags:index': projectReader('List the tags of a server'),
  'os_compute_api:os-server-tags:show': projectReader('Ask whether a server has a tag'),
  'os_compute_api:os-server-tags:update_all': projectMember('Replace the tags of a server'),
  'os_compute_api:os-server-tags:update': projectMember('Give a server a tag'),
  'os_compute_api:os-server-tags:delete_all': projectMember('Remove all tags of a server'),
  'os_compute_api:os-server-tags:delete': projectMember('Remove a tag of a server'),
});

const base = '/v2.1/servers/{server_id}/tags';

export const serverTagRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: base,
    rule: serverTagPolicy['os_compute_api:os-server-tags:index'],
    summary: 'List the tags of a server (2.26)',
    status: 200,
    async handler({ ctx, params, version }) {
      requireSince(version, 26);
      return { tags: (await getServer(deps.db, visibleTo(ctx), params.server_id ?? '')).tags };
    },
  }),
  route({
    method: 'PUT',
    path: base,
    rule: serverTagPolicy['os_compute_api:os-server-tags:update_all'],
    summary: 'Replace the tags of a server (2.26)',
    body: Type.Object({ tags: Type.Array(Tag, { maxItems: maximumTags }) }, closed),
    status: 200,
    async handler({ ctx, params, body, version }) {
      requireSince(version, 26);
      return { tags: await changeTags(deps, ctx, params.server_id ?? '', () => body.tags) };
    },
  }),
  route({
    method: 'DELETE',
    path: base,
    rule: serverTagPolicy['os_compute_api:os-server-tags:delete_all'],
    summary: 'Remove all tags of a server (2.26)',
    status: 204,
    async handler({ ctx, params, version }, h) {
      requireSince(version, 26);
      await changeTags(deps, ctx, params.server_id ?? '', () => []);
      return noContent(h);
    },
  }),
  route({
    method: 'GET',
    path: `${base}/{tag}`,
    rule: serverTagPolicy['os_compute_api:os-server-tags:show'],
    summary: 'Ask whether a server has a tag (2.26)',
    status: 204,
    async handler({ ctx, params, version }, h) {
      requireSince(version, 26);
      const { id, tags } = await getServer(deps.db, visibleTo(ctx), params.server_id ?? '');
      const tag = params.tag ?? '';
      if (!tags.includes(tag)) throw new NotFound(`Tag of server ${id}`, tag);
      return noContent(h);
    },
  }),
  route({
    method: 'PUT',
    path: `${base}/{tag}`,
    rule: serverTagPolicy['os_compute_api:os-server-tags:update'],
    summary: 'Give a server a tag (2.26)',
    status: 201, // 204 when it had it before
    async handler({ ctx, params, version }, h) {
      requireSince(version, 26);
      const tag = params.tag ?? '';
      if (tag.length > 60 || /[,/]/.test(tag))
        throw new BadRequest(`Tag '${tag}' is invalid. It must be a string without characters '/' and ','.`);
      let hadIt = false;
      await changeTags(deps, ctx, params.server_id ?? '', (tags) => {
        hadIt = tags.includes(tag);
        return [...tags, tag];
      });
      return hadIt
        ? noContent(h)
        : h
            .response()
            .code(201)
            .header('location', `${deps.url.versioned}/servers/${params.server_id}/tags/${encodeURIComponent(tag)}`);
    },
  }),
  route({
    method: 'DELETE',
    path: `${base}/{tag}`,
    rule: serverTagPolicy['os_compute_api:os-server-tags:delete'],
    summary: 'Remove a tag of a server (2.26)',
    status: 204,
    async handler({ ctx, params, version }, h) {
      requireSince(version, 26);
      await removeTag(deps, ctx, params.server_id ?? '', params.tag ?? '');
      return noContent(h);
    },
  }),
];
