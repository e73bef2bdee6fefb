import { visibleTo } from '../../common/context.ts';
import { noContent, route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { associations } from '../metadefs/contents.ts';
import { addAssociation, deleteContent, showContents } from '../metadefs/contents-operations.ts';
import { metadefPolicy } from '../metadefs/policy.ts';
import { listResourceTypes } from '../metadefs/resource-types.ts';
import { AssociationBody, associationOf, refuseReadOnly } from './metadefs-fields.ts';
import { associationView, namespacesPath, resourceTypeView } from './metadefs-views.ts';

const path = `${namespacesPath}/{namespace}/resource_types`;

export const metadefResourceTypeRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'GET',
    path: '/v2/metadefs/resource_types',
    rule: metadefPolicy.list_metadef_resource_types,
    summary: 'List the types of things that properties are for',
    status: 200,
    handler: async ({ ctx }) => ({
      resource_types: (await listResourceTypes(deps.db, visibleTo(ctx))).map(resourceTypeView),
    }),
  }),
  route({
    method: 'GET',
    path,
    rule: metadefPolicy.get_metadef_resource_type,
    summary: 'List the types of things that a namespace is for',
    status: 200,
    async handler({ ctx, params }) {
      deps.enforcer.authorize(ctx, metadefPolicy.list_metadef_resource_types);
      const shown = await showContents(deps, ctx, params.namespace!, associations);
      return { resource_type_associations: shown.map(associationView) };
    },
  }),
  route({
    method: 'POST',
    path,
    rule: metadefPolicy.add_metadef_resource_type_association,
    summary: 'Say that a namespace is for a type of things',
    body: AssociationBody,
    status: 201,
    async handler({ ctx, params, body }, h) {
      refuseReadOnly(body);
      const association = await addAssociation(deps, ctx, params.namespace!, associationOf(body));
      return h.response(associationView(association)).code(201);
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/{resource_type}`,
    rule: metadefPolicy.remove_metadef_resource_type_association,
    summary: 'Say no longer that a namespace is for a type of things',
    status: 204,
    async handler({ ctx, params: { namespace, resource_type } }, h) {
      await deleteContent(deps, ctx, namespace!, associations, resource_type!);
      return noContent(h);
    },
  }),
];
