import type { Making } from '../things.ts';

/** A private namespace and one of everything in it, which only administrators can make. */
export async function makeMetadefThings({ admin, owner, mark }: Making) {
  const named = (kind: string) => `${kind}-${mark}`;
  const things = {
    metadefNamespace: named('namespace'),
    metadefObject: named('object'),
    metadefProperty: named('property'),
    metadefTag: named('tag'),
    metadefResourceType: named('resource-type'),
    spareMetadefNamespace: named('spare-namespace'),
  };
  await admin.post('/image/v2/metadefs/namespaces', {
    namespace: things.metadefNamespace,
    owner: owner.projectId,
    resource_type_associations: [{ name: things.metadefResourceType, prefix: 'p_' }],
    objects: [{ name: things.metadefObject }],
    properties: { [things.metadefProperty]: { type: 'string', title: 'A title' } },
    tags: [{ name: things.metadefTag }],
  });
  await admin.post('/image/v2/metadefs/namespaces', {
    namespace: things.spareMetadefNamespace,
    owner: owner.projectId,
  });
  return things;
}
