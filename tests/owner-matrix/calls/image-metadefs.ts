import type { Call, Calls, MakeCall } from '../call.ts';
import type { Things } from '../things.ts';

const nothing: MakeCall = () => ({});
const base = '/v2/metadefs/namespaces';
const one = `${base}/{namespace}`;

/** In the owner's namespace, with what the call has beside it. */
const inIt =
  (more: (it: Things) => Call = () => ({})): MakeCall =>
  (it) => {
    const { params, ...rest } = more(it);
    return { params: { namespace: it.metadefNamespace, ...params }, ...rest };
  };
const object = (body?: object) =>
  inIt((it) => ({ params: { object: it.metadefObject }, ...(body && { body: { name: it.metadefObject, ...body } }) }));
const property = (body?: object) =>
  inIt((it) => ({
    params: { property: it.metadefProperty },
    ...(body && { body: { name: it.metadefProperty, ...body } }),
  }));
const tag = (it: Things): Call => ({ params: { namespace: it.metadefNamespace, tag: it.metadefTag } });

const text = { type: 'string', title: 'Another title' };

export const metadefCalls: Calls = {
  [`GET ${base}`]: [
    nothing,
    (it) => ({ query: { resource_types: it.metadefResourceType } }),
    (it) => ({ query: { marker: it.metadefNamespace } }),
  ],
  [`POST ${base}`]: (it) => ({
    body: {
      namespace: 'new',
      owner: it.project,
      resource_type_associations: [{ name: 'OS::Nova::Server', prefix: 'p_' }],
      objects: [{ name: 'new', required: ['width'], properties: { width: text } }],
      properties: { colour: { ...text, enum: ['red'], default: 'red' } },
      tags: [{ name: 'new' }],
    },
  }),
  [`GET ${one}`]: [inIt(), inIt((it) => ({ query: { resource_type: it.metadefResourceType } }))],
  [`PUT ${one}`]: inIt((it) => ({
    body: { namespace: it.metadefNamespace, description: 'changed', owner: it.project },
  })),
  [`DELETE ${one}`]: (it) => ({ params: { namespace: it.spareMetadefNamespace } }),
  'GET /v2/metadefs/resource_types': nothing,
  [`GET ${one}/resource_types`]: inIt(),
  [`POST ${one}/resource_types`]: inIt(() => ({ body: { name: 'OS::Nova::Server', prefix: 'p_' } })),
  [`DELETE ${one}/resource_types/{resource_type}`]: inIt((it) => ({
    params: { resource_type: it.metadefResourceType },
  })),
  [`GET ${one}/objects`]: [inIt(), inIt(() => ({ query: { limit: '1', sort_key: 'name' } }))],
  [`POST ${one}/objects`]: inIt(() => ({ body: { name: 'new', properties: { width: text } } })),
  [`DELETE ${one}/objects`]: inIt(),
  [`GET ${one}/objects/{object}`]: object(),
  [`PUT ${one}/objects/{object}`]: object({ description: 'changed' }),
  [`DELETE ${one}/objects/{object}`]: object(),
  [`GET ${one}/properties`]: inIt(),
  [`POST ${one}/properties`]: inIt(() => ({ body: { name: 'new', ...text } })),
  [`DELETE ${one}/properties`]: inIt(),
  [`GET ${one}/properties/{property}`]: property(),
  [`PUT ${one}/properties/{property}`]: property(text),
  [`DELETE ${one}/properties/{property}`]: property(),
  [`GET ${one}/tags`]: inIt(),
  [`POST ${one}/tags`]: inIt(() => ({ body: { tags: [{ name: 'added' }] }, headers: { 'x-openstack-append': 'yes' } })),
  [`DELETE ${one}/tags`]: inIt(),
  [`POST ${one}/tags/{tag}`]: inIt(() => ({ params: { tag: 'new' } })),
  [`GET ${one}/tags/{tag}`]: tag,
  [`PUT ${one}/tags/{tag}`]: (it) => ({ ...tag(it), body: { name: it.metadefTag } }),
  [`DELETE ${one}/tags/{tag}`]: tag,
  ...Object.fromEntries(
    ['namespace', 'object', 'property', 'resource_type', 'tag']
      .flatMap((name) => [name, name === 'property' ? 'properties' : `${name}s`])
      .map((name) => [`GET /v2/schemas/metadefs/${name}`, nothing]),
  ),
};
