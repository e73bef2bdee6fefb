import { one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { properties } from '../metadefs/contents.ts';
import {
  addContent,
  changeContent,
  showContent,
  showContents,
  showPropertyOn,
} from '../metadefs/contents-operations.ts';
import { metadefPolicy } from '../metadefs/policy.ts';
import { deletionRoutes } from './metadefs-content-routes.ts';
import { PropertyBody, propertyOf, refuseReadOnly } from './metadefs-fields.ts';
import { namespacesPath, propertiesView, propertyView } from './metadefs-views.ts';

const path = `${namespacesPath}/{namespace}/properties`;

export const metadefPropertyRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'GET',
    path,
    rule: metadefPolicy.get_metadef_properties,
    summary: 'List the properties of a namespace',
    status: 200,
    handler: async ({ ctx, params }) => ({
      properties: propertiesView(await showContents(deps, ctx, params.namespace!, properties)),
    }),
  }),
  route({
    method: 'POST',
    path,
    rule: metadefPolicy.add_metadef_property,
    summary: 'Define a property in a namespace',
    body: PropertyBody,
    status: 201,
    async handler({ ctx, params, body }, h) {
      refuseReadOnly(body);
      const property = await addContent(deps, ctx, params.namespace!, properties, propertyOf(body));
      return h.response(propertyView(property)).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{property}`,
    rule: metadefPolicy.get_metadef_property,
    summary: 'Show a property of a namespace',
    status: 200,
    async handler({ ctx, params: { namespace, property }, query }) {
      const resourceType = one(query.resource_type);
      return propertyView(
        resourceType
          ? await showPropertyOn(deps, ctx, namespace!, resourceType, property!)
          : await showContent(deps, ctx, namespace!, properties, property!),
      );
    },
  }),
  route({
    method: 'PUT',
    path: `${path}/{property}`,
    rule: metadefPolicy.modify_metadef_property,
    summary: 'Replace a property of a namespace',
    body: PropertyBody,
    status: 200,
    async handler({ ctx, params: { namespace, property }, body }) {
      refuseReadOnly(body);
      return propertyView(await changeContent(deps, ctx, namespace!, properties, property!, propertyOf(body)));
    },
  }),
  ...deletionRoutes(deps, {
    ...{ path, kind: properties, parameter: 'property', words: ['a property', 'properties'] },
    rules: { one: metadefPolicy.remove_metadef_property, all: metadefPolicy.delete_metadef_namespace },
  }),
];
