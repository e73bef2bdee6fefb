import { route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { objects } from '../metadefs/contents.ts';
import { addContent, changeContent, showContent, showContents } from '../metadefs/contents-operations.ts';
import { metadefPolicy } from '../metadefs/policy.ts';
import { contentsPaging, deletionRoutes } from './metadefs-content-routes.ts';
import { ObjectBody, objectOf, refuseReadOnly } from './metadefs-fields.ts';
import { namespacesPath, objectView } from './metadefs-views.ts';

const path = `${namespacesPath}/{namespace}/objects`;

export const metadefObjectRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'GET',
    path,
    rule: metadefPolicy.get_metadef_objects,
    summary: 'List the objects of a namespace',
    status: 200,
    async handler({ ctx, params, query }) {
      const shown = await showContents(deps, ctx, params.namespace!, objects, contentsPaging(query));
      return {
        objects: shown.map((object) => objectView(params.namespace!, object)),
        schema: 'v2/schemas/metadefs/objects', // without a slash before it, as Glance has it
      };
    },
  }),
  route({
    method: 'POST',
    path,
    rule: metadefPolicy.add_metadef_object,
    summary: 'Define an object in a namespace',
    body: ObjectBody,
    status: 201,
    async handler({ ctx, params, body }, h) {
      refuseReadOnly(body);
      const object = await addContent(deps, ctx, params.namespace!, objects, objectOf(body));
      return h.response(objectView(params.namespace!, object)).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{object}`,
    rule: metadefPolicy.get_metadef_object,
    summary: 'Show an object of a namespace',
    status: 200,
    handler: async ({ ctx, params: { namespace, object } }) =>
      objectView(namespace!, await showContent(deps, ctx, namespace!, objects, object!)),
  }),
  route({
    method: 'PUT',
    path: `${path}/{object}`,
    rule: metadefPolicy.modify_metadef_object,
    summary: 'Replace an object of a namespace',
    body: ObjectBody,
    status: 200,
    async handler({ ctx, params: { namespace, object }, body }) {
      refuseReadOnly(body);
      return objectView(namespace!, await changeContent(deps, ctx, namespace!, objects, object!, objectOf(body)));
    },
  }),
  ...deletionRoutes(deps, {
    ...{ path, kind: objects, parameter: 'object', words: ['an object', 'objects'] },
    rules: { one: metadefPolicy.delete_metadef_object, all: metadefPolicy.delete_metadef_namespace },
  }),
];
