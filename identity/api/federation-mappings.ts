import { type Static, Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { checkMapping } from '../federation/mappings/check.ts';
import { type Mapping, MappingBody } from '../federation/mappings/mapping.ts';
import {
  getMapping,
  insertMapping,
  listMappings,
  removeMapping,
  replaceMapping,
} from '../federation/mappings/store.ts';
import { checkedId } from './federation-fields.ts';
import { identityPage, listView } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';

const WholeMapping = Type.Object({ mapping: MappingBody });

export const mappingPolicy = definePolicy({
  'identity:list_mappings': cloudReaders('List mappings'),
  'identity:get_mapping': cloudReaders('Show a mapping'),
  'identity:create_mapping': administrators('Create a mapping'),
  'identity:update_mapping': administrators('Replace the rules of a mapping'),
  'identity:delete_mapping': administrators('Delete a mapping'),
});

function view(deps: IdentityDeps, { id, rules, schemaVersion }: Mapping) {
  const self = `${identityUrl(deps)}/OS-FEDERATION/mappings/${encodeURIComponent(id)}`;
  return { id, rules, schema_version: schemaVersion, links: { self } };
}

/** Throws `BadRequest` that names the rule that could never work. */
function checkedMapping(id: string, { mapping }: Static<typeof WholeMapping>): Mapping {
  const schemaVersion = mapping.schema_version ?? '1.0';
  checkMapping(mapping.rules, schemaVersion);
  return { id, rules: mapping.rules, schemaVersion };
}

const path = '/v3/OS-FEDERATION/mappings';

export const mappingRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path,
    rule: mappingPolicy['identity:list_mappings'],
    summary: 'List mappings',
    status: 200,
    async handler({ query, request }) {
      const { mappings, more } = await listMappings(deps.db, identityPage(query));
      const views = mappings.map((mapping) => view(deps, mapping));
      return listView(deps, 'mappings', views, { url: request.url, more, path: 'OS-FEDERATION/mappings' });
    },
  }),
  route({
    method: 'PUT',
    path: `${path}/{mapping_id}`,
    rule: mappingPolicy['identity:create_mapping'],
    summary: 'Create a mapping',
    body: WholeMapping,
    status: 201,
    async handler({ params, body }, h) {
      const mapping = checkedMapping(checkedId(params.mapping_id), body);
      await insertMapping(deps.db, mapping);
      return h.response({ mapping: view(deps, mapping) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{mapping_id}`,
    rule: mappingPolicy['identity:get_mapping'],
    summary: 'Show a mapping',
    status: 200,
    handler: async ({ params }) => ({ mapping: view(deps, await getMapping(deps.db, params.mapping_id ?? '')) }),
  }),
  route({
    method: 'PATCH',
    path: `${path}/{mapping_id}`,
    rule: mappingPolicy['identity:update_mapping'],
    summary: 'Replace the rules of a mapping',
    body: WholeMapping,
    status: 200,
    async handler({ params, body }) {
      const mapping = checkedMapping(params.mapping_id ?? '', body);
      await replaceMapping(deps.db, mapping);
      return { mapping: view(deps, mapping) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/{mapping_id}`,
    rule: mappingPolicy['identity:delete_mapping'],
    summary: 'Delete a mapping',
    status: 204,
    async handler({ params }, h) {
      await removeMapping(deps.db, params.mapping_id ?? '');
      return noContent(h);
    },
  }),
];
