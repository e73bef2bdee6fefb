import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { images, makeActive, patch, rawBare } from '../testing.ts';

test('an image is created as it was asked for and shown with every field of the API', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const asked = {
    name: 'Debian',
    ...rawBare,
    min_disk: 2,
    min_ram: 512,
    tags: ['b', 'a', 'b'],
    protected: true,
    os_hidden: true,
    visibility: 'private',
    hw_disk_bus: 'virtio',
    'owner_specified.openstack.md5': '',
  };
  const answer = await member.request({ method: 'POST', path: images, body: asked });
  t.is(answer.status, 201);
  const { id, created_at, updated_at, ...image } = answer.body;
  t.is(answer.headers.location, `http://cloud.test/image/v2/images/${id}`);
  t.regex(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.is(updated_at, created_at);
  t.deepEqual(image, {
    ...asked,
    tags: ['a', 'b'],
    owner: member.projectId,
    status: 'queued',
    size: null,
    virtual_size: null,
    checksum: null,
    os_hash_algo: null,
    os_hash_value: null,
    self: `/v2/images/${id}`,
    file: `/v2/images/${id}/file`,
    schema: '/v2/schemas/image',
  });
  t.deepEqual(await member.get(`${images}/${id}`), answer.body);
});

test('a client may choose the id, once', async (t) => {
  const cloud = await startTestCloud(t);
  const id = randomUUID();
  t.is((await cloud.as('member').post(images, { id })).id, id);
  await cloud.as('stranger').post(images, { id }, 409);
  await cloud.as('member').delete(`${images}/${id}`);
  await cloud.as('member').post(images, { id }, 409); // its row lasts until its data is gone
  await cloud.settle();
  await cloud.as('member').get(`${images}/${id}`, 404);
  await cloud.as('stranger').post(images, { id }, 409); // a host may still have the data of the first one by this id
});

test('what cannot be is refused', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  for (const body of [
    { disk_format: 'floppy' },
    { container_format: 'ova' },
    { visibility: 'secret' },
    { min_disk: -1 },
    { min_disk: 1.5 },
    { min_ram: 2 ** 31 },
    { name: 7 },
    { name: 'x'.repeat(256) },
    { tags: 'one' },
    { tags: ['x'.repeat(256)] },
    { id: 'not-a-uuid' },
    { hw_disk_bus: 7 },
    { hw_disk_bus: { nested: 'x' } },
    { ['x'.repeat(256)]: 'x' },
    { name: 'nul \0' },
    [],
    'text',
  ]) {
    const { status, text } = await member.request({ method: 'POST', path: images, body });
    t.is(status, 400, `${JSON.stringify(body)}: ${text}`);
  }
  for (const body of [
    { status: 'active' },
    { checksum: 'x' },
    { size: '1' },
    { owner: 'another' },
    { locations: 'file:///etc/passwd' },
    { os_hash_value: 'x' },
    { self: 'x' },
    { os_glance_importing: 'x' },
    { visibility: 'public' },
  ]) {
    const { status, text } = await member.request({ method: 'POST', path: images, body });
    t.not(status, 201, `${JSON.stringify(body)}: ${text}`);
    t.true([400, 403].includes(status));
  }
  const many = Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`p${index}`, '']));
  await member.post(images, many, 413);
  await member.post(images, { tags: Array.from({ length: 129 }, (_, index) => `t${index}`) }, 413);
  t.is((await member.request({ method: 'POST', path: images, payload: '{' })).status, 400);
  const { images: left } = await member.get(images);
  t.deepEqual(left, []);
});

test('an id that names no image, or somebody else’s, is not found', async (t) => {
  const cloud = await startTestCloud(t);
  const { id } = await cloud.as('stranger').post(images, { name: 'hidden' });
  const member = cloud.as('member');
  for (const unknown of [id, randomUUID(), 'no-uuid', '%2e%2e', "'"]) {
    await member.get(`${images}/${unknown}`, 404);
    await member.delete(`${images}/${unknown}`, 404);
    await member.get(`${images}/${unknown}/file`, 404);
    t.is((await patch(member, unknown, [{ op: 'replace', path: '/name', value: 'x' }])).status, 404);
    await member.put(`${images}/${unknown}/tags/x`, undefined, 404);
    await member.get(`${images}/${unknown}/members`, 404);
  }
});

test('who sees an image follows from its visibility', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, stranger, member] = [cloud.as('admin'), cloud.as('stranger'), cloud.as('member')];
  for (const visibility of ['public', 'private', 'shared', 'community'])
    await admin.post(images, { name: `admin ${visibility}`, visibility });
  await member.post(images, { name: 'mine' });
  const names = async (query: string, client = member) =>
    (await client.get(`${images}${query}`)).images.map((image: { name: string }) => image.name).sort();
  t.deepEqual(await names(''), ['admin public', 'mine']);
  t.deepEqual(await names('?visibility=public'), ['admin public']);
  t.deepEqual(await names('?visibility=community'), ['admin community']);
  t.deepEqual(await names('?visibility=all'), ['admin community', 'admin public', 'mine']);
  t.deepEqual(await names('?visibility=private'), []);
  t.deepEqual(await names('?visibility=shared'), ['mine']);
  t.deepEqual(await names('', cloud.as('reader')), ['admin public', 'mine']);
  t.deepEqual(await names('', stranger), ['admin public']);
  t.is((await names('', admin)).length, 5);

  const all = (await admin.get(images)).images;
  for (const { id, name } of all) {
    const isSeen = !['admin private', 'admin shared'].includes(name);
    await member.get(`${images}/${id}`, isSeen ? 200 : 404);
    // What may be seen may not be changed: forbidden where it may be seen, not found where not.
    if (name !== 'mine') {
      await member.delete(`${images}/${id}`, isSeen ? 403 : 404);
      t.is((await patch(member, id, [{ op: 'add', path: '/x', value: 'y' }])).status, isSeen ? 403 : 404);
    }
  }
  t.is((await cloud.anonymous.request({ method: 'GET', path: images })).status, 401);
  await cloud.as('nobody').get(images, 403);
  await cloud.as('reader').post(images, { name: 'x' }, 403);
});

test('a path that ends where an id should be names nothing, and not all images', async (t) => {
  const cloud = await startTestCloud(t);
  for (const path of [`${images}/`, `${images}//`, `${images}/?limit=1`]) {
    await cloud.as('member').get(path, 404);
    await cloud.as('member').delete(path, 404);
  }
  await cloud.as('member').get('/image/v2/images?name=a/', 200);
});

test('lists are filtered, sorted and cut into pages', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  for (const name of ['c', 'a', 'b', 'd, e'])
    await member.post(images, { name, ...rawBare, tags: [name.slice(0, 1), 'all'], os_distro: `os-${name}` });
  await member.post(images, { os_hidden: true, name: 'hidden', protected: true });
  const big = await makeActive(member, { name: 'big', min_disk: 3 }, Buffer.alloc(5000));
  const names = async (query: string) =>
    (await member.get(`${images}?${query}`)).images.map((image: { name: string }) => image.name);

  t.deepEqual(await names('sort=name:asc'), ['a', 'b', 'big', 'c', 'd, e']);
  t.deepEqual(await names('sort_key=name&sort_dir=desc'), ['d, e', 'c', 'big', 'b', 'a']);
  t.deepEqual((await names('')).at(0), 'big', 'the newest first');
  t.deepEqual(await names('name=a'), ['a']);
  t.deepEqual(await names('name=in:a,%22d, e%22&sort=name:asc'), ['a', 'd, e']);
  t.deepEqual(await names('status=active'), ['big']);
  t.deepEqual(await names('status=in:active,queued&name=a'), ['a']);
  t.deepEqual(await names('os_hidden=true'), ['hidden']);
  t.deepEqual(await names('os_hidden=True&protected=yes'), ['hidden']);
  t.deepEqual(await names('protected=true'), []);
  t.deepEqual(await names(`owner=${member.projectId}&sort=name:asc`), ['a', 'b', 'big', 'c', 'd, e']);
  t.deepEqual(await names('owner=another'), []);
  t.deepEqual(await names('tag=all&tag=b'), ['b']);
  t.deepEqual(await names('os_distro=os-c'), ['c']);
  t.deepEqual(await names('os_distro=os-c&hw_x=y'), []);
  t.deepEqual(await names('size_min=5000'), ['big']);
  t.deepEqual(await names('size_max=4999'), []);
  t.deepEqual(await names('min_disk=3'), ['big']);
  t.deepEqual(await names('size=5000'), ['big']);
  t.deepEqual(await names('size=gte:5000&size=lt:5001'), ['big']);
  t.deepEqual(await names('size=neq:5000'), []);
  t.deepEqual(await names('virtual_size=gt:4999'), ['big']);
  t.deepEqual(await names('min_disk=gt:2'), ['big']);
  t.deepEqual(await names('min_disk_min=1&min_disk_max=3'), ['big']);
  t.deepEqual(await names('min_disk=lte:99999999999&name=eq:a'), ['a']);
  t.deepEqual(await names('name=neither:in nor eq'), []);
  t.deepEqual(await names(`id=${big.id}`), ['big']);
  t.deepEqual(await names('id=nonsense'), []);
  t.deepEqual(await names(`checksum=${big.checksum}`), ['big']);
  t.deepEqual(await names('created_at=lt:2020-01-01T00:00:00Z'), []);
  t.is((await names('created_at=gt:2020-01-01T00:00:00')).length, 5);
  t.true((await names(`created_at=${big.created_at}`)).includes('big'), 'as it is shown');
  t.false((await names(`created_at=neq:${big.created_at}`)).includes('big'));
  t.deepEqual(
    (await names('sort=size:desc,name')).slice(0, 3),
    ['big', 'd, e', 'c'],
    'downwards unless it says otherwise',
  );
  t.deepEqual(await names('sort_key=size&sort_key=name&sort_dir=desc&sort_dir=asc'), ['big', 'a', 'b', 'c', 'd, e']);
  t.deepEqual((await names('sort_key=name')).at(0), 'd, e');
  t.deepEqual((await names('sort_dir=asc')).at(-1), 'big');

  const seen: string[] = [];
  let next: string | undefined = '/v2/images?limit=2&sort=name:asc';
  for (let pages = 0; next !== undefined; pages++) {
    const page: { images: { name: string }[]; next?: string; first: string } = await member.get(`/image${next}`);
    t.true(page.images.length > 0, 'a page that a link leads to is never empty');
    t.is(page.first, '/v2/images?limit=2&sort=name%3Aasc');
    seen.push(...page.images.map(({ name }) => name));
    next = page.next;
    t.true(pages < 5);
  }
  t.deepEqual(seen, ['a', 'b', 'big', 'c', 'd, e']);
  for (const query of [
    'limit=-1',
    'limit=x',
    'marker=x',
    `marker=${randomUUID()}`,
    'sort=secret',
    'sort_key=name&sort_dir=up',
    'visibility=x',
    'member_status=x',
    'os_hidden=perhaps',
    'size_min=x',
    'created_at=gt:yesterday',
    'name=in:%22a',
    'min_disk=x',
    'size=in:1,2',
    'name=gt:a',
    'changes-since=2020-01-01T00:00:00Z',
    'sort=name&sort_key=size',
    'sort_key=name&sort_dir=asc&sort_dir=desc',
  ])
    await member.get(`${images}?${query}`, 400);
});

test('a patch changes what it says and nothing else', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const {
    id,
    updated_at: _,
    ...before
  } = await member.post(images, { name: 'old', ...rawBare, keep: 'me', 'a/b~c': 'x' });
  const answer = await patch(member, id, [
    { op: 'replace', path: '/name', value: 'new' },
    { op: 'add', path: '/os_distro', value: 'debian' },
    { op: 'replace', path: '/keep', value: 'it' },
    { op: 'remove', path: '/a~1b~0c' },
    { op: 'replace', path: '/tags', value: ['z', 'y'] },
    { op: 'replace', path: '/min_disk', value: 4 },
    { op: 'replace', path: '/os_hidden', value: true },
    { op: 'replace', path: '/disk_format', value: 'qcow2' },
  ]);
  t.is(answer.status, 200);
  const {
    updated_at: __,
    'a/b~c': ___,
    ...expected
  } = {
    ...{ ...before, updated_at: '', id, name: 'new', os_distro: 'debian', keep: 'it', tags: ['y', 'z'] },
    ...{ min_disk: 4, os_hidden: true, disk_format: 'qcow2' },
  };
  const { updated_at: ____, ...after } = answer.body;
  t.deepEqual(after, expected);

  t.is((await patch(member, id, [{ replace: '/name', value: 'older form' }], 'v2.0')).body.name, 'older form');
  t.is((await patch(member, id, [])).status, 200);
  await patch(member, id, [{ op: 'replace', path: '/name', value: null }]);
  t.is((await member.get(`${images}/${id}`)).name, null);
});

test('a patch that is not allowed changes nothing', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await makeActive(member);
  const before = await member.get(`${images}/${id}`);
  const good = { op: 'replace', path: '/name', value: 'changed' };
  const cases: [number, unknown][] = [
    [400, { op: 'replace', path: 'name', value: 'x' }],
    [400, { op: 'move', path: '/name', value: 'x' }],
    [400, { op: 'replace', path: '/name' }],
    [400, { op: 'replace', path: '/tags/0', value: 'x' }],
    [400, { op: 'replace', path: '/na~me', value: 'x' }],
    [400, { op: 'replace', path: '/name', value: 7 }],
    [400, { op: 'add', path: '/x', value: 7 }],
    [400, { op: 'replace', path: '/visibility', value: 'x' }],
    [400, 'text'],
    [409, { op: 'replace', path: '/missing', value: 'x' }],
    [409, { op: 'remove', path: '/missing' }],
    [403, { op: 'remove', path: '/name' }],
    [403, { op: 'replace', path: '/id', value: randomUUID() }],
    [403, { op: 'replace', path: '/status', value: 'queued' }],
    [403, { op: 'replace', path: '/checksum', value: 'x' }],
    [403, { op: 'replace', path: '/size', value: 1 }],
    [403, { op: 'replace', path: '/owner', value: cloud.as('stranger').projectId }],
    [403, { op: 'add', path: '/locations', value: [{ url: 'file:///etc/passwd', metadata: {} }] }],
    [403, { op: 'replace', path: '/visibility', value: 'public' }],
    [403, { op: 'replace', path: '/disk_format', value: 'qcow2' }],
    [403, { op: 'replace', path: '/container_format', value: 'docker' }],
  ];
  for (const [status, operation] of cases) {
    const answer = await patch(member, id, [good, operation]);
    t.is(answer.status, status, `${JSON.stringify(operation)}: ${answer.text}`);
  }
  t.is((await member.request({ method: 'PATCH', path: `${images}/${id}`, body: [good] })).status, 415);
  t.is((await patch(cloud.as('reader'), id, [good])).status, 403);
  t.deepEqual(await member.get(`${images}/${id}`), before);
});

test('an administrator gives images away and publishes them', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, stranger] = [cloud.as('admin'), cloud.as('stranger')];
  const { id } = await admin.post(images, { name: 'gift', owner: stranger.projectId });
  t.is((await stranger.get(`${images}/${id}`)).owner, stranger.projectId);
  t.is((await patch(admin, id, [{ op: 'replace', path: '/visibility', value: 'public' }])).status, 200);
  await cloud.as('member').get(`${images}/${id}`);
});

test('a protected image is not deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await makeActive(member, { protected: true });
  await member.delete(`${images}/${id}`, 403);
  await cloud.as('admin').delete(`${images}/${id}`, 403);
  await patch(member, id, [{ op: 'replace', path: '/protected', value: false }]);
  await member.delete(`${images}/${id}`);
  await member.get(`${images}/${id}`, 404);
  await member.delete(`${images}/${id}`, 404);
});

test('tags are added and removed one by one', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, { tags: ['one'], keep: 'me' });
  for (const tag of ['two', 'two', 'with%20space%2Fslash'])
    await member.put(`${images}/${id}/tags/${tag}`, undefined, 204);
  const { tags, keep } = await member.get(`${images}/${id}`);
  t.deepEqual([tags, keep], [['one', 'two', 'with space/slash'], 'me']);
  await member.delete(`${images}/${id}/tags/one`);
  await member.delete(`${images}/${id}/tags/one`, 404);
  await member.put(`${images}/${id}/tags/${'x'.repeat(256)}`, undefined, 400);
});

test('versions and schemas are there for clients that ask', async (t) => {
  const cloud = await startTestCloud(t);
  const { versions } = await cloud.anonymous.get('/image/', 300);
  t.is(versions.filter(({ status }: { status: string }) => status === 'CURRENT').length, 1);
  t.is(versions[0].links[0].href, 'http://cloud.test/image/v2/');
  const member = cloud.as('member');
  const schema = await member.get('/image/v2/schemas/image');
  t.is(schema.name, 'image');
  const image = await makeActive(member);
  t.deepEqual(Object.keys(schema.properties).sort(), Object.keys(image).sort());
  for (const name of ['images', 'member', 'members']) t.is((await member.get(`/image/v2/schemas/${name}`)).name, name);
});
