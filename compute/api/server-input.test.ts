/** Every field of a new server, wrong in type, range, size and encoding, and every reference to what is not the caller's. */
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, makeUnusableFlavors, prepareCompute, uploadImage } from '../testing.ts';

test('whatever is wrong with a new server is refused with a word about it, and nothing comes of it', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId, flavorId } = await prepareCompute(t, cloud);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const newest = atVersion(member, '2.96');
  const theirs = await strangersThings();
  const base64 = (bytes: number) => Buffer.alloc(bytes, 'x').toString('base64');
  const nowhere = randomUUID();
  /** The field's name must be told, where no other words are given. */
  const cases: [field: string, value: unknown, told?: RegExp, status?: number][] = [
    ['name', 1],
    ['name', ''],
    ['name', 'x'.repeat(256)],
    ['name', '\u0000'],
    ['name', null],
    ['imageRef', 1],
    ['imageRef', 'x'.repeat(256)],
    ['imageRef', theirs.image, /Can not find requested image/],
    ['imageRef', theirs.queued, /is not active/],
    ['flavorRef', null],
    ['flavorRef', ''],
    ['flavorRef', {}],
    ['flavorRef', -1, /Flavor -1 could not be found/],
    ['flavorRef', theirs.flavor, /could not be found/],
    ['flavorRef', theirs.deletedFlavor, /could not be found/],
    ['key_name', 1],
    ['key_name', theirs.key, /Invalid key_name/],
    ['metadata', []],
    ['metadata', { a: 1 }],
    ['metadata', { a: null }],
    ['metadata', { ['x'.repeat(256)]: 'a' }],
    ['metadata', { a: 'x'.repeat(256) }],
    ['metadata', { 'a/b': 'x' }],
    ['metadata', Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v'])), /metadata/, 403],
    ['user_data', 1],
    ['user_data', '%%%', /Userdata content cannot be decoded/],
    ['user_data', base64(65_536)],
    ['config_drive', 'perhaps'],
    ['config_drive', 2],
    ['availability_zone', ''],
    ['availability_zone', 'nope', /availability zone is not available/],
    ['availability_zone', 'nova:host-1', /forced_host/, 403],
    ['host', 'host-1', /requested_destination/, 403],
    ['networks', {}],
    ['networks', 'any'],
    ['networks', [{ uuid: 'x' }]],
    ['networks', [{ uuid: nowhere }], /could not be found/],
    ['networks', [{ uuid: theirs.network }], /could not be found/],
    ['networks', [{ port: theirs.port }], /could not be found/],
    ['networks', [{ uuid: nowhere, fixed_ip: '300.1.1.1' }], /fixed_ip/],
    ['networks', [{ port: nowhere, fixed_ip: '10.0.0.1' }], /cannot be used with port/],
    ['networks', [{ uuid: nowhere, nonsense: 1 }]],
    ['networks', [{ uuid: nowhere, tag: 'a/b' }]],
    ['networks', Array.from({ length: 33 }, () => ({ uuid: nowhere }))],
    ['security_groups', 'default'],
    ['security_groups', [{ name: '' }]],
    ['security_groups', [{ id: theirs.group }]],
    ['security_groups', [{ name: theirs.group }], /could not be found/],
    ['accessIPv4', 'x'],
    ['accessIPv4', '::1'],
    ['accessIPv6', '1.2.3.4'],
    ['personality', [{ path: '/a', contents: base64(1) }]],
    ['adminPass', ''],
    ['adminPass', 'x'.repeat(256)],
    ['min_count', 0],
    ['min_count', -1],
    ['min_count', 'two'],
    ['max_count', '0'],
    ['max_count', 2 ** 31],
    ['min_count', 99, /[Qq]uota/, 403],
    ['return_reservation_id', 'perhaps'],
    ['OS-DCF:diskConfig', 'SOMETIMES'],
    ['description', 1],
    ['description', 'x'.repeat(256)],
    ['tags', 'a'],
    ['tags', ['a,b']],
    ['tags', ['']],
    ['tags', ['x'.repeat(61)]],
    ['tags', Array.from({ length: 51 }, (_, i) => `t${i}`)],
    ['trusted_image_certificates', [nowhere]],
    ['hostname', ''],
    ['hostname', '-a'],
    ['hostname', 'a b'],
    ['hostname', 'x'.repeat(256)],
    ['nonsense', 1],
  ];
  const usual = { name: 'w', imageRef: imageId, flavorRef: flavorId, networks: 'none' };
  for (const [field, value, told = new RegExp(field), status = 400] of cases) {
    const answer = await newest.request({
      method: 'POST',
      path: '/compute/v2.1/servers',
      body: { server: { ...usual, [field]: value } },
    });
    const what = `${field}: ${JSON.stringify(value)?.slice(0, 80)}`;
    t.is(answer.status, status, `${what}: ${answer.text}`);
    t.regex(answer.text, told, what);
  }
  for (const body of [{}, { server: null }, { server: [] }, { servers: [usual] }, [], null, 'x'])
    await newest.post('/compute/v2.1/servers', body, 400);
  const theirServer = (await strangersServer()).id;
  for (const hints of [
    { group: theirs.serverGroup },
    { group: 'x' },
    { same_host: theirServer },
    { same_host: 'x' },
    { different_host: [nowhere, theirServer] },
    { query: '[]' },
  ])
    await newest.post('/compute/v2.1/servers', { server: usual, 'os:scheduler_hints': hints }, 400);
  await stranger.delete(`/compute/v2.1/servers/${theirServer}`);
  await cloud.settle();
  const { servers } = await admin.get('/compute/v2.1/servers?all_tenants=1');
  t.deepEqual(servers, []);
  t.deepEqual((await admin.get('/network/v2.0/ports?device_owner=compute:nova')).ports, []);

  async function strangersServer() {
    const server = { ...usual, imageRef: imageId };
    return (await atVersion(stranger, '2.96').post('/compute/v2.1/servers', { server }, 202)).server;
  }

  async function strangersThings() {
    const { network } = await stranger.post('/network/v2.0/networks', { network: { name: 'theirs' } });
    const { port } = await stranger.post('/network/v2.0/ports', { port: { network_id: network.id } });
    const group = await stranger.post('/network/v2.0/security-groups', { security_group: { name: 'theirs' } });
    const serverGroup = await stranger.post(
      '/compute/v2.1/os-server-groups',
      { server_group: { name: 'theirs', policies: ['affinity'] } },
      200,
    );
    const { keypair } = await stranger.post('/compute/v2.1/os-keypairs', { keypair: { name: 'theirs' } }, 200);
    const image = await uploadImage(t, cloud, { visibility: 'private' });
    const form = { name: 'queued', disk_format: 'raw', container_format: 'bare' };
    const queued = await member.post('/image/v2/images', form);
    await makeUnusableFlavors(admin);
    return {
      network: network.id,
      port: port.id,
      group: group.security_group.id,
      serverGroup: serverGroup.server_group.id,
      key: keypair.name,
      image,
      queued: queued.id,
      flavor: 'secret',
      deletedFlavor: 'past',
    };
  }
});
