import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';

const namespaces = '/image/v2/metadefs/namespaces';
const space = `${namespaces}/space`;

async function withNamespace(cloud: TestCloud, fields: object = { visibility: 'public' }) {
  const admin = cloud.as('admin');
  await admin.post(namespaces, { namespace: 'space', ...fields });
  return { admin, member: cloud.as('member') };
}

const namesOf = (some: { name: string }[]) => some.map(({ name }) => name);

test('an object is defined, shown, replaced and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin, member } = await withNamespace(cloud);
  const width = { type: 'integer', title: 'Width', minimum: 1, default: 5 };
  const made = await admin.post(`${space}/objects`, {
    name: 'Shape',
    description: 'How it looks',
    required: ['width'],
    properties: { width },
  });
  t.like(made, {
    name: 'Shape',
    description: 'How it looks',
    required: ['width'],
    properties: { width: { ...width, default: '5' } },
    self: '/v2/metadefs/namespaces/space/objects/Shape',
    schema: '/v2/schemas/metadefs/object',
  });
  t.deepEqual(await member.get(`${space}/objects/Shape`), made);
  t.deepEqual(await member.get(`${space}/objects`), { objects: [made], schema: 'v2/schemas/metadefs/objects' });
  const changed = await admin.put(`${space}/objects/Shape`, { name: 'Form' });
  t.like(changed, { name: 'Form', required: [], properties: {} });
  t.false('description' in changed);
  await admin.get(`${space}/objects/Shape`, 404);
  await admin.delete(`${space}/objects/Form`);
  await admin.delete(`${space}/objects/Form`, 404);
  await admin.put(`${space}/objects/Form`, { name: 'Form' }, 404);
});

test('what an object may not be is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin, member } = await withNamespace(cloud);
  await admin.post(`${space}/objects`, { name: 'Shape' });
  await admin.post(`${space}/objects`, { name: 'Shape' }, 409);
  await admin.post(`${space}/objects`, { name: 'Other' });
  await admin.put(`${space}/objects/Other`, { name: 'Shape' }, 409);
  await admin.post(`${space}/objects`, {}, 400);
  await admin.post(`${space}/objects`, { name: 'x'.repeat(81) }, 400);
  await admin.post(`${space}/objects`, { name: 'x', required: ['a', 'a'] }, 400);
  await admin.post(`${space}/objects`, { name: 'x', properties: { a: { type: 'string' } } }, 400);
  await admin.post(`${space}/objects`, { name: 'x', colour: 'red' }, 400);
  await admin.post(`${space}/objects`, { name: 'x', created_at: '2020-01-01T00:00:00Z' }, 403);
  await admin.post(`${namespaces}/nowhere/objects`, { name: 'x' }, 404);
  await member.post(`${space}/objects`, { name: 'x' }, 403);
  t.deepEqual(namesOf((await admin.get(`${space}/objects`)).objects), ['Other', 'Shape']);
});

test('objects and tags are listed by pages', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin } = await withNamespace(cloud);
  for (const name of ['b', 'c', 'a']) {
    await admin.post(`${space}/objects`, { name });
    await admin.post(`${space}/tags/${name}`);
  }
  for (const kind of ['objects', 'tags']) {
    const listed = async (query: string) => namesOf((await admin.get(`${space}/${kind}?${query}`))[kind]);
    t.deepEqual(await listed(''), ['a', 'c', 'b'], 'the newest first');
    t.deepEqual(await listed('sort_dir=asc'), ['b', 'c', 'a']);
    t.deepEqual(await listed('sort_key=name&sort_dir=asc&limit=2'), ['a', 'b']);
    t.deepEqual(await listed('sort_key=name&sort_dir=asc&limit=2&marker=b'), ['c']);
    for (const wrong of ['limit=x', 'sort_key=colour', 'sort_dir=up'])
      await admin.get(`${space}/${kind}?${wrong}`, 400);
    await admin.get(`${space}/${kind}?marker=unknown`, 404);
  }
});

test('a property is defined, shown, replaced and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin, member } = await withNamespace(cloud);
  const asked = {
    name: 'colours',
    type: 'array',
    title: 'Colours',
    description: 'All of them',
    items: { type: 'string', enum: ['red', 'blue'] },
    minItems: 1,
    maxItems: 2,
    uniqueItems: true,
    additionalItems: false,
    operators: ['<all-in>'],
    readonly: false,
    default: true,
  };
  const made = await admin.post(`${space}/properties`, asked);
  t.deepEqual(made, { ...asked, default: 'True' });
  t.deepEqual(await member.get(`${space}/properties/colours`), made);
  const { name, ...schema } = made;
  t.deepEqual(await member.get(`${space}/properties`), { properties: { [name]: schema } });
  const changed = await admin.put(`${space}/properties/colours`, { name: 'colour', type: 'string', title: 'Colour' });
  t.deepEqual(changed, { name: 'colour', type: 'string', title: 'Colour' });
  await admin.get(`${space}/properties/colours`, 404);
  await admin.delete(`${space}/properties/colour`);
  await admin.delete(`${space}/properties/colour`, 404);
});

test('a property is found by the name that it has on things of a type', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin, member } = await withNamespace(cloud);
  await admin.post(`${space}/properties`, { name: 'colour', type: 'string', title: 'Colour' });
  await admin.post(`${space}/resource_types`, { name: 'OS::Glance::Image', prefix: 'my_' });
  await admin.post(`${space}/resource_types`, { name: 'OS::Nova::Flavor' });
  const on = (name: string, type: string, status?: number) =>
    member.get(`${space}/properties/${name}?resource_type=${type}`, status);
  t.is((await on('my_colour', 'OS::Glance::Image')).name, 'colour');
  await on('colour', 'OS::Glance::Image', 404);
  await on('colour', 'OS::Nova::Flavor', 404);
  await on('my_colour', 'OS::Nova::Server', 404);
});

test('what a property may not be is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin } = await withNamespace(cloud);
  const good = { name: 'colour', type: 'string', title: 'Colour' };
  const refused = (fields: object, status = 400) => admin.post(`${space}/properties`, { ...good, ...fields }, status);
  await refused({ name: undefined });
  await refused({ title: undefined });
  await refused({ type: undefined });
  await refused({ type: 'colour' });
  await refused({ enum: [1] });
  await refused({ default: {} });
  await refused({ items: {} });
  await refused({ maxItems: -1 });
  await refused({ pattern: 1 });
  await refused({ required: ['a'] });
  await refused({ updated_at: '2020-01-01T00:00:00Z' }, 403);
  await admin.post(`${space}/properties`, good);
  await refused({}, 409);
  await admin.post(`${space}/properties`, { ...good, name: 'other' });
  await admin.put(`${space}/properties/other`, good, 409);
  await admin.put(`${space}/properties/unknown`, good, 404);
});

test('names that mean something to programs are names like others', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin } = await withNamespace(cloud);
  for (const name of ['constructor', 'toString', '__proto__']) {
    await admin.post(`${space}/properties`, { name, type: 'string', title: 'A title' });
    t.is((await admin.get(`${space}/properties/${name}`)).name, name);
  }
  const { text } = await admin.request({ method: 'GET', path: `${space}/properties` });
  t.true(text.includes('"__proto__":{"type"'));
});

test('a namespace is for types of things, which are known from then on', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin, member } = await withNamespace(cloud);
  const known = async (who = member) => namesOf((await who.get('/image/v2/metadefs/resource_types')).resource_types);
  t.deepEqual(await known(), [
    'OS::Cinder::Volume',
    'OS::Glance::Image',
    'OS::Nova::Aggregate',
    'OS::Nova::Flavor',
    'OS::Nova::Server',
  ]);
  const made = await admin.post(`${space}/resource_types`, { name: 'Mine', prefix: 'my_', properties_target: 'x' });
  t.like(made, { name: 'Mine', prefix: 'my_', properties_target: 'x' });
  t.deepEqual(await member.get(`${space}/resource_types`), { resource_type_associations: [made] });
  t.true((await known()).includes('Mine'));
  await admin.post(`${space}/resource_types`, { name: 'Mine' }, 409);
  await admin.post(`${space}/resource_types`, { name: '' }, 400);
  await admin.post(`${space}/resource_types`, { prefix: 'x' }, 400);
  await admin.post(`${space}/resource_types`, { name: 'x', prefix: 'x'.repeat(81) }, 400);
  await admin.post(`${space}/resource_types`, { name: 'x', created_at: 'now' }, 403);
  await admin.put(space, { namespace: 'space', visibility: 'private' });
  t.false((await known()).includes('Mine'), 'of what is private, not even the types are known');
  t.true((await known(admin)).includes('Mine'));
  await admin.delete(`${space}/resource_types/Mine`);
  await admin.delete(`${space}/resource_types/Mine`, 404);
  await admin.delete(`${space}/resource_types/OS::Nova::Server`, 404);
});

test('a tag is defined, shown, renamed and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin, member } = await withNamespace(cloud);
  const made = await admin.post(`${space}/tags/new`);
  t.deepEqual(Object.keys(made).sort(), ['created_at', 'name', 'updated_at']);
  t.deepEqual(await member.get(`${space}/tags/new`), made);
  await admin.post(`${space}/tags/new`, undefined, 409);
  await admin.post(`${space}/tags/${'x'.repeat(81)}`, undefined, 400);
  t.is((await admin.put(`${space}/tags/new`, { name: 'newer' })).name, 'newer');
  await admin.post(`${space}/tags/new`);
  await admin.put(`${space}/tags/new`, { name: 'newer' }, 409);
  await admin.put(`${space}/tags/new`, {}, 400);
  await admin.put(`${space}/tags/new`, { name: 'x', created_at: 'now' }, 403);
  await admin.put(`${space}/tags/unknown`, { name: 'x' }, 404);
  await admin.delete(`${space}/tags/new`);
  await admin.delete(`${space}/tags/new`, 404);
});

test('tags given together take the place of those there are, or are added to them', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin } = await withNamespace(cloud);
  const give = (names: string[], append?: string) =>
    admin.request({
      method: 'POST',
      path: `${space}/tags`,
      body: { tags: names.map((name) => ({ name })) },
      headers: append === undefined ? {} : { 'x-openstack-append': append },
    });
  const there = async () => namesOf((await admin.get(`${space}/tags?sort_key=name&sort_dir=asc`)).tags);
  t.deepEqual((await give(['b', 'a'])).body, { tags: [{ name: 'b' }, { name: 'a' }] });
  t.deepEqual(await there(), ['a', 'b']);
  t.is((await give(['c'])).status, 201);
  t.deepEqual(await there(), ['c']);
  t.is((await give(['a', 'b'], 'True')).status, 201);
  t.deepEqual(await there(), ['a', 'b', 'c']);
  t.is((await give(['d', 'b'], 'yes')).status, 409);
  t.is((await give(['d', 'd'])).status, 409);
  t.deepEqual(await there(), ['a', 'b', 'c'], 'a refused request changes nothing');
  t.is((await give(['b'], 'no')).status, 201);
  t.deepEqual(await there(), ['b']);
  await admin.post(`${space}/tags`, { tags: ['x'] }, 400);
  await admin.post(`${space}/tags`, { tags: [{ name: 'x', colour: 'red' }] }, 400);
  t.is((await give([])).status, 201);
  t.deepEqual(await there(), ['b'], 'no tags are not an order to remove them');
});

test('all objects, properties or tags of a namespace are deleted at once', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin } = await withNamespace(cloud, {
    objects: [{ name: 'a' }, { name: 'b' }],
    properties: { a: { type: 'string', title: 'A' } },
    tags: [{ name: 'a' }],
  });
  for (const kind of ['objects', 'properties', 'tags']) await admin.delete(`${space}/${kind}`);
  const left = await admin.get(space);
  for (const kind of ['objects', 'properties', 'tags']) t.false(kind in left);
  await admin.delete(`${namespaces}/nowhere/tags`, 404);
});

test('those who write a namespace at the same time wait for each other', async (t) => {
  const cloud = await startTestCloud(t);
  const { admin } = await withNamespace(cloud);
  const rounds = Array.from({ length: 8 }, (_, i) => i);
  const answers = await Promise.all(
    rounds.map((i) =>
      admin.request({
        method: 'POST',
        path: `${space}/tags`,
        body: { tags: (i % 2 ? ['a', 'b', `${i}`] : [`${i}`, 'b', 'a']).map((name) => ({ name })) },
      }),
    ),
  );
  t.deepEqual(
    answers.map(({ status }) => status),
    rounds.map(() => 201),
  );
  t.is((await admin.get(`${space}/tags`)).tags.length, 3);
});

test('clients read what definitions look like', async (t) => {
  const cloud = await startTestCloud(t);
  const reader = cloud.as('reader');
  const schemaOf = (name: string) => reader.get(`/image/v2/schemas/metadefs/${name}`);
  const names: Record<string, string> = {
    namespace: 'namespace',
    object: 'object',
    property: 'property',
    tag: 'tag',
    resource_type: 'resource_type_association',
  };
  for (const [path, name] of Object.entries(names)) {
    const schema = await schemaOf(path);
    t.is(schema.name, name);
    t.false(schema.additionalProperties);
    const plural = path === 'property' ? 'properties' : `${path}s`;
    const many = await schemaOf(plural);
    t.is(many.name, path === 'property' ? 'properties' : `${name}s`);
    t.truthy(many.properties[many.name]);
  }
  t.deepEqual((await schemaOf('property')).required, ['type', 'title', 'name']);
  t.deepEqual((await schemaOf('namespace')).properties.visibility.enum, ['public', 'private']);
  t.true((await schemaOf('tag')).properties.created_at.readOnly);
  await reader.get('/image/v2/schemas/metadefs/nothing', 404);
});
