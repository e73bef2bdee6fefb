import { BadRequest } from '../../common/errors.ts';
import { one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isYes } from '../../common/truth.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { tags } from '../metadefs/contents.ts';
import { addContent, addTags, changeContent, showContent, showContents } from '../metadefs/contents-operations.ts';
import { metadefPolicy } from '../metadefs/policy.ts';
import { contentsPaging, deletionRoutes } from './metadefs-content-routes.ts';
import { refuseReadOnly, TagBody, TagsBody } from './metadefs-fields.ts';
import { namespacesPath, tagView } from './metadefs-views.ts';

const path = `${namespacesPath}/{namespace}/tags`;

const names = (some: { name: string }[]) => ({ tags: some.map(({ name }) => ({ name })) });

export const metadefTagRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'GET',
    path,
    rule: metadefPolicy.get_metadef_tags,
    summary: 'List the tags of a namespace',
    status: 200,
    handler: async ({ ctx, params, query }) =>
      names(await showContents(deps, ctx, params.namespace!, tags, contentsPaging(query))),
  }),
  route({
    method: 'POST',
    path,
    rule: metadefPolicy.add_metadef_tags,
    summary: 'Define the tags of a namespace: instead of those there are, or beside them with X-Openstack-Append',
    body: TagsBody,
    status: 201,
    async handler({ ctx, params, body, request }, h) {
      refuseReadOnly(body);
      const append = isYes(one(request.headers['x-openstack-append']));
      const added = await addTags(deps, ctx, params.namespace!, body.tags ?? [], { append });
      return h.response(names(added)).code(201);
    },
  }),
  route({
    method: 'POST',
    path: `${path}/{tag}`,
    rule: metadefPolicy.add_metadef_tag,
    summary: 'Define a tag in a namespace',
    status: 201,
    async handler({ ctx, params: { namespace, tag } }, h) {
      if (tag!.length > 80) throw new BadRequest('The name of a tag has at most 80 characters.');
      return h.response(tagView(await addContent(deps, ctx, namespace!, tags, { name: tag! }))).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{tag}`,
    rule: metadefPolicy.get_metadef_tag,
    summary: 'Show a tag of a namespace',
    status: 200,
    handler: async ({ ctx, params: { namespace, tag } }) =>
      tagView(await showContent(deps, ctx, namespace!, tags, tag!)),
  }),
  route({
    method: 'PUT',
    path: `${path}/{tag}`,
    rule: metadefPolicy.modify_metadef_tag,
    summary: 'Rename a tag of a namespace',
    body: TagBody,
    status: 200,
    async handler({ ctx, params: { namespace, tag }, body }) {
      refuseReadOnly(body);
      return tagView(await changeContent(deps, ctx, namespace!, tags, tag!, { name: body.name }));
    },
  }),
  ...deletionRoutes(deps, {
    ...{ path, kind: tags, parameter: 'tag', words: ['a tag', 'tags'] },
    rules: { one: metadefPolicy.delete_metadef_tag, all: metadefPolicy.delete_metadef_tags },
  }),
];
