import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';

const namespaces = '/image/v2/metadefs/namespaces';

/** What administrators give a cloud, beside what it has from the beginning. */
const full = {
  namespace: 'My::Space',
  display_name: 'Mine',
  description: 'What we say of images',
  visibility: 'public',
  resource_type_associations: [
    { name: 'OS::Glance::Image', prefix: 'my_' },
    { name: 'OS::Nova::Flavor', properties_target: 'flavor' },
  ],
  properties: {
    colour: { type: 'string', title: 'Colour', enum: ['red', 'blue'], default: 'red', operators: ['<or>'] },
    count: { type: 'integer', title: 'Count', minimum: 0, maximum: 9, default: 3 },
  },
  objects: [
    {
      name: 'Shape',
      description: 'How it looks',
      required: ['width'],
      properties: { width: { type: 'number', title: 'Width', minimum: 0.5 } },
    },
  ],
  tags: [{ name: 'new' }, { name: 'old' }],
};

async function withFull(cloud: TestCloud, fields: object = {}) {
  const admin = cloud.as('admin');
  return { admin, member: cloud.as('member'), made: await admin.post(namespaces, { ...full, ...fields }) };
}

test('a namespace is made with all that is in it, and shown so', async (t) => {
  const cloud = await startTestCloud(t);
  const { member, made } = await withFull(cloud);
  const shown = await member.get(`${namespaces}/My::Space`);
  t.deepEqual(shown, made);
  t.like(shown, {
    namespace: 'My::Space',
    display_name: 'Mine',
    visibility: 'public',
    protected: false,
    owner: cloud.as('admin').projectId,
    self: '/v2/metadefs/namespaces/My::Space',
    schema: '/v2/schemas/metadefs/namespace',
    tags: [{ name: 'new' }, { name: 'old' }],
  });
  t.regex(shown.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.deepEqual(shown.properties, {
    ...full.properties,
    count: { ...full.properties.count, default: '3' },
  });
  t.like(shown.objects[0], { ...full.objects[0], self: '/v2/metadefs/namespaces/My::Space/objects/Shape' });
  t.like(shown.resource_type_associations[0], { name: 'OS::Glance::Image', prefix: 'my_' });
  t.like(shown.resource_type_associations[1], { name: 'OS::Nova::Flavor', properties_target: 'flavor' });
});

test('where a new namespace is found is said in its answer', async (t) => {
  const cloud = await startTestCloud(t);
  const body = { namespace: 'a b/ü' };
  const answer = await cloud.as('admin').request({ method: 'POST', path: namespaces, body });
  t.is(answer.status, 201);
  const path = new URL(String(answer.headers.location)).pathname;
  t.is((await cloud.as('admin').get(path)).namespace, 'a b/ü');
});

test('names are shown as they are on things of a type, when one is named', async (t) => {
  const cloud = await startTestCloud(t);
  const { member } = await withFull(cloud);
  const on = await member.get(`${namespaces}/My::Space?resource_type=OS::Glance::Image`);
  t.deepEqual(Object.keys(on.properties).sort(), ['my_colour', 'my_count']);
  t.deepEqual(on.objects[0].required, ['my_width']);
  t.deepEqual(Object.keys(on.objects[0].properties), ['my_width']);
  for (const other of ['OS::Nova::Flavor', 'OS::Nobody::Knows'])
    t.truthy((await member.get(`${namespaces}/My::Space?resource_type=${other}`)).properties.colour);
});

test('what is made of a namespace is made whole or not at all', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin } = await withFull(cloud);
  const count = async () => Number((await cloud.db('metadef_namespaces').count())[0]?.count);
  const before = await count();
  await admin.post(namespaces, full, 409);
  await admin.post(namespaces, { ...full, namespace: 'x', tags: [{ name: 'twice' }, { name: 'twice' }] }, 409);
  await admin.post(namespaces, { ...full, namespace: 'x', objects: [...full.objects, ...full.objects] }, 409);
  t.is(await count(), before);
});

test('what a namespace may not be is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const refused = (fields: object, status = 400) => admin.post(namespaces, { namespace: 'x', ...fields }, status);
  await admin.post(namespaces, {}, 400);
  await refused({ namespace: '' });
  await refused({ namespace: 'x'.repeat(81) });
  await refused({ display_name: 'x'.repeat(81) });
  await refused({ description: 'x'.repeat(501) });
  await refused({ visibility: 'shared' });
  await refused({ protected: 'yes' });
  await refused({ colour: 'red' });
  await refused({ resource_type_associations: [{ prefix: 'my_' }] });
  await refused({ objects: [{ description: 'without a name' }] });
  await refused({ tags: ['new'] });
  for (const key of ['self', 'schema', 'created_at', 'updated_at']) await refused({ [key]: 'x' }, 403);
  const property = (fields: object) => refused({ properties: { a: { type: 'string', title: 'A', ...fields } } });
  await property({ type: 'text' });
  await property({ type: null });
  await property({ title: undefined });
  await property({ minLength: -1 });
  await property({ maxLength: 1.5 });
  await property({ minimum: '1' });
  await property({ enum: 'red' });
  await property({ items: { type: 'text' } });
  await property({ uniqueItems: 1 });
  await property({ default: ['red'] });
  await property({ flavour: 'sweet' });
  await refused({ properties: { ['x'.repeat(81)]: { type: 'string', title: 'A' } } });
  await refused({ properties: { '': { type: 'string', title: 'A' } } });
  t.deepEqual(await cloud.db('metadef_namespaces').where('namespace', 'x'), []);
});

test('an export of a namespace can be read in again, under another name', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin, made } = await withFull(cloud);
  const { self, schema, created_at, updated_at, ...exported } = made;
  t.truthy(self && schema && created_at && updated_at);
  const copy = await admin.post(namespaces, { ...exported, namespace: 'copy' });
  t.deepEqual(copy.properties, made.properties);
  t.is(copy.objects[0].self, '/v2/metadefs/namespaces/copy/objects/Shape');
});

test('a change replaces what is said of the namespace, and leaves what is in it', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin, member } = await withFull(cloud);
  const changed = await admin.put(`${namespaces}/My::Space`, { namespace: 'Ours', description: 'Other words' });
  t.like(changed, { namespace: 'Ours', description: 'Other words', visibility: 'private', protected: false });
  t.false('display_name' in changed);
  await admin.get(`${namespaces}/My::Space`, 404);
  await member.get(`${namespaces}/Ours`, 404);
  t.is((await admin.get(`${namespaces}/Ours`)).tags.length, 2);
  await admin.put(`${namespaces}/Ours`, { namespace: 'OS::Compute::Quota' }, 409);
  await admin.put(`${namespaces}/Ours`, {}, 400);
  await admin.put(`${namespaces}/Ours`, { namespace: 'Ours', self: 'x' }, 403);
  await admin.put(`${namespaces}/nowhere`, { namespace: 'nowhere' }, 404);
});

test('a protected namespace and what is in it cannot be deleted until it is protected no longer', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin } = await withFull(cloud, { protected: true });
  const path = `${namespaces}/My::Space`;
  const parts = ['/objects/Shape', '/properties/colour', '/tags/new', '/resource_types/OS::Glance::Image'];
  for (const part of ['', '/objects', '/properties', '/tags', ...parts]) await admin.delete(`${path}${part}`, 403);
  await admin.delete(`${path}/objects/unknown`, 404);
  const before = await admin.get(path);
  t.is(before.objects.length, 1);
  await admin.post(`${path}/objects`, { name: 'more' });
  await admin.put(path, { namespace: 'My::Space', protected: false });
  for (const part of [...parts, '']) await admin.delete(`${path}${part}`);
  await admin.get(path, 404);
  await admin.delete(path, 404);
  for (const table of ['objects', 'properties', 'tags', 'associations'])
    t.deepEqual(
      await cloud.db(`metadef_${table}`).whereNotIn('namespace_id', cloud.db('metadef_namespaces').select('id')),
      [],
    );
});

test('a private namespace is its owner’s and administrators’ alone', async (t) => {
  const cloud = await startTestCloud(t);
  const [owner, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const { admin } = await withFull(cloud, { visibility: 'private', owner: owner.projectId });
  const path = `${namespaces}/My::Space`;
  const parts = [
    '',
    '/objects',
    '/properties',
    '/tags',
    '/resource_types',
    '/objects/Shape',
    '/properties/colour',
    '/tags/new',
  ];
  for (const part of parts) {
    await owner.get(`${path}${part}`);
    await cloud.as('reader').get(`${path}${part}`);
    await admin.get(`${path}${part}`);
    await stranger.get(`${path}${part}`, 404);
    await cloud.as('nobody').get(`${path}${part}`, 403);
  }
  const listed = async (who: typeof owner, query = '') =>
    (await who.get(`${namespaces}?limit=1000${query}`)).namespaces.some(
      (one: { namespace: string }) => one.namespace === 'My::Space',
    );
  t.true(await listed(owner));
  t.true(await listed(owner, '&visibility=private'));
  t.false(await listed(owner, '&visibility=public'));
  t.false(await listed(stranger));
  await stranger.get(`${namespaces}?marker=My::Space`, 404);
});

test('only administrators write', async (t) => {
  const cloud = await startTestCloud(t);
  const { member } = await withFull(cloud, { owner: cloud.as('member').projectId });
  const path = `${namespaces}/My::Space`;
  await member.post(namespaces, { namespace: 'x' }, 403);
  await member.put(path, { namespace: 'My::Space' }, 403);
  await member.delete(path, 403);
  await member.post(`${path}/objects`, { name: 'x' }, 403);
  await member.post(`${path}/tags/x`, undefined, 403);
  await member.delete(`${path}/properties`, 403);
});

test('namespaces are listed by pages, in the order that was asked for', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  for (const namespace of ['zz-2', 'zz-1', 'zz-3'])
    await admin.post(namespaces, { namespace, resource_type_associations: [{ name: 'Mine' }], visibility: 'private' });
  const names = async (path: string): Promise<string[]> => {
    const { namespaces: page, next } = await admin.get(`/image${path}`);
    const here = page.map((one: { namespace: string }) => one.namespace);
    return next ? [...here, ...(await names(next))] : here;
  };
  const base = '/v2/metadefs/namespaces';
  t.deepEqual(await names(`${base}?resource_types=Mine&limit=2&sort_key=namespace&sort_dir=asc`), [
    'zz-1',
    'zz-2',
    'zz-3',
  ]);
  t.deepEqual(await names(`${base}?resource_types=Mine&limit=1&sort_key=namespace`), ['zz-3', 'zz-2', 'zz-1']);
  t.deepEqual(await names(`${base}?resource_types=Mine,Other&limit=1`), ['zz-3', 'zz-1', 'zz-2']);
  t.deepEqual(await names(`${base}?resource_types=Mine&limit=2&sort_dir=asc`), ['zz-2', 'zz-1', 'zz-3']);
  t.deepEqual(await names(`${base}?resource_types=Other`), []);
  const first = await admin.get(`${namespaces}?resource_types=Mine&limit=2`);
  t.is(first.first, `${base}?resource_types=Mine&limit=2`);
  t.is(first.schema, '/v2/schemas/metadefs/namespaces');
  t.false('objects' in first.namespaces[0]);
  t.like(first.namespaces[0].resource_type_associations, [{ name: 'Mine' }]);
  const all = await names(base);
  t.is(new Set(all).size, all.length);
  for (const wrong of ['limit=x', 'limit=-1', 'sort_key=colour', 'sort_dir=up', 'visibility=shared'])
    await admin.get(`${namespaces}?${wrong}`, 400);
  await admin.get(`${namespaces}?marker=unknown`, 404);
});

test('every cloud begins with definitions that its own rules accept, for everybody to read', async (t) => {
  const cloud = await startTestCloud(t);
  const { namespaces: shipped } = await cloud.as('reader').get(`${namespaces}?limit=1000`);
  t.true(shipped.length >= 10);
  const admin = cloud.as('admin');
  for (const { namespace } of shipped) {
    const shown = await cloud.as('reader').get(`${namespaces}/${namespace}`);
    t.like(shown, { visibility: 'public', protected: true, owner: 'admin' });
    t.true(Object.keys({ ...shown.properties }).length + (shown.objects ?? []).length > 0, namespace);
    t.true(shown.resource_type_associations.length > 0);
    const { self, schema, created_at, updated_at, ...exported } = shown;
    t.truthy(self && schema && created_at && updated_at);
    await admin.post(namespaces, { ...exported, namespace: `copy of ${namespace}` });
  }
  const pinning = await cloud.as('member').get(`${namespaces}/OS::Compute::CPUPinning?resource_type=OS::Nova::Flavor`);
  t.deepEqual(pinning.properties['hw:cpu_policy'].enum, ['shared', 'dedicated', 'mixed']);
});
