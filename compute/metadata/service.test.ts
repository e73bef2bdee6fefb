import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { MetadataRequest } from '../../network/metadata/driver.ts';
import { makeExternal, makeNetwork, makeRouter } from '../../network/testing/topology.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { prepareContainers } from '../containers/testing.ts';
import { prepareCompute } from '../testing.ts';

/** A cloud with a network, a server at 10.0.0.5 of it, and how one asks from there. */
async function ground(
  t: ExecutionContext,
  changes: object = {},
  settings: Record<string, string | number | boolean> = {},
) {
  const cloud = await startTestCloud(t, { forceConfigDrive: false, ...settings });
  const { createServer } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const { network, subnet } = await makeNetwork(member);
  const create = (more: object, fixed_ip = '10.0.0.5', uuid = network.id) =>
    createServer({ networks: [{ uuid, fixed_ip }], ...more });
  const id = await create(changes);
  await cloud.settle();
  const from = (address: string, networkId = network.id) => {
    const ask = async (url: string, more: Partial<MetadataRequest> = {}) => {
      const answer = await cloud.engines.doors.ask({ networkId, address, url, ...more });
      if (answer === undefined) throw new Error('nobody answers');
      return { ...answer, body: String(answer.body) };
    };
    const read = async (url: string) => {
      const { status, body } = await ask(url);
      t.is(status, 200, `${url}: ${body}`);
      return body;
    };
    return { ask, read };
  };
  return { cloud, member, network, subnet, id, create, from, ...from('10.0.0.5') };
}

test('a server is told of itself in every version of both layouts', async (t) => {
  const userData = Buffer.from([0x23, 0x21, 0xff, 0x0a]);
  const { cloud, member, id, subnet, ask, read } = await ground(t, {
    user_data: userData.toString('base64'),
    metadata: { role: 'front' },
    personality: [{ path: '/etc/motd', contents: Buffer.from('hello').toString('base64') }],
  });
  const versions = await read('/openstack/');
  t.is(versions.split('\n').length, 11);
  for (const version of versions.split('\n')) {
    const names = (await read(`/openstack/${version}`)).split('\n');
    for (const name of names) await read(`/openstack/${version}/${name}`);
    t.is(names.includes('password'), version !== '2012-08-10');
  }
  const { contentType, body } = await ask('/openstack/latest/meta_data.json?x=1');
  t.is(contentType, 'application/json');
  const metadata = JSON.parse(body);
  t.like(metadata, { uuid: id, name: 'web', hostname: 'web', meta: { role: 'front' }, availability_zone: 'nova' });
  t.is(metadata.project_id, member.projectId);
  t.false('admin_pass' in metadata, 'that is for the drive, which only the guest’s own host reads');
  t.not(JSON.parse(await read('/openstack/latest/meta_data.json')).random_seed, metadata.random_seed);
  const direct = await cloud.engines.doors.ask({
    networkId: subnet.network_id,
    address: '10.0.0.5',
    url: '/latest/user-data',
  });
  t.deepEqual(direct?.body, userData);
  t.is(await read('/openstack/content/0000'), 'hello');
  t.is(JSON.parse(await read('/openstack/latest/network_data.json')).networks[0].type, 'ipv4_dhcp');

  t.regex(await read('/'), /^1\.0\n2007-01-19\n(.*\n)+2009-04-04\nlatest$/);
  t.is(await read('/latest'), 'meta-data/\nuser-data');
  t.is(await read('/1.0/meta-data/'), await read('/ec2/1.0/meta-data'));
  t.notRegex(await read('/1.0/meta-data'), /public-ipv4|instance-type|placement/);
  const walk = async (path: string): Promise<void> => {
    for (const line of (await read(path)).split('\n').filter((name) => name !== ''))
      if (line.endsWith('/')) await walk(`${path}${line}`);
      else await read(`${path}${line}`);
  };
  await walk('/latest/meta-data/');
  t.is(await read('/latest/meta-data/placement/availability-zone'), 'nova');
  t.is(await read('/latest/meta-data/local-ipv4'), '10.0.0.5');
  t.is(await read('/latest/meta-data/instance-type'), 'tiny');
  t.is(await read('/latest/meta-data/security-groups'), 'default');
  t.is(await read('/latest/meta-data/public-ipv4'), '');
  const external = await makeExternal(cloud);
  await makeRouter(member, subnet.id, external.network.id);
  const { ports } = await member.get('/network/v2.0/ports?device_owner=compute:nova');
  const { floatingip } = await member.post('/network/v2.0/floatingips', {
    floatingip: { floating_network_id: external.network.id, port_id: ports[0].id },
  });
  t.is(await read('/latest/meta-data/public-ipv4'), floatingip.floating_ip_address);
});

test('keys are told as cloud-init reads them', async (t) => {
  const { member, read, create, from, cloud } = await ground(t);
  const { keypair } = await member.post('/compute/v2.1/os-keypairs', { keypair: { name: 'mine' } }, 200);
  await create({ key_name: 'mine' }, '10.0.0.6');
  await cloud.settle();
  t.notRegex(await read('/latest/meta-data'), /public-keys/);
  const other = from('10.0.0.6');
  t.is(await other.read('/latest/meta-data/public-keys/'), '0=mine');
  t.is(await other.read('/latest/meta-data/public-keys/0/'), 'openssh-key');
  t.is(await other.read('/latest/meta-data/public-keys/0/openssh-key'), keypair.public_key);
  const { public_keys, keys } = JSON.parse(await other.read('/openstack/latest/meta_data.json'));
  t.deepEqual(public_keys, { mine: keypair.public_key });
  t.deepEqual(keys, [{ name: 'mine', type: 'ssh', data: keypair.public_key }]);
});

test('who asks is known by network and address alone: overlapping networks, strangers, the dead and containers', async (t) => {
  const { cloud, member, network, id, create, from, ask, read } = await ground(t);
  const stranger = cloud.as('stranger');
  const theirs = await makeNetwork(stranger);
  const server = { name: 'other', flavorRef: 'tiny', imageRef: (await cloud.db('images').first('id')).id };
  const networks = [{ uuid: theirs.network.id, fixed_ip: '10.0.0.5' }];
  const made = await stranger.post('/compute/v2.1/servers', { server: { ...server, networks } }, 202);
  await cloud.settle();
  const uuid = async (asks: typeof read) => JSON.parse(await asks('/openstack/latest/meta_data.json')).uuid;
  t.is(await uuid(read), id);
  t.is(await uuid(from('10.0.0.5', theirs.network.id).read), made.server.id);
  t.is((await from('10.0.0.99').ask('/openstack')).status, 404, 'not even versions');
  const { port } = await member.post('/network/v2.0/ports', {
    port: { network_id: network.id, fixed_ips: [{ ip_address: '10.0.0.77' }], device_id: id },
  });
  t.is((await from('10.0.0.77').ask('/')).status, 404, 'a port that nothing is plugged into says nothing');
  await member.delete(`/network/v2.0/ports/${port.id}`);

  const containers = await prepareContainers(t, cloud);
  await containers.run({ nets: [{ network: network.id, 'v4-fixed-ip': '10.0.0.8' }] });
  await cloud.settle();
  const holder = await cloud
    .db('port_addresses')
    .join('ports', 'ports.id', 'port_id')
    .where({ address: '10.0.0.8' })
    .first();
  t.is(holder.device_owner, 'compute:kuryr');
  t.is((await from('10.0.0.8').ask('/latest/meta-data/')).status, 404, 'a container is told nothing');

  const second = await create({ name: 'second' }, '10.0.0.6');
  await cloud.settle();
  t.is(await uuid(from('10.0.0.6').read), second);
  await member.delete(`/compute/v2.1/servers/${second}`);
  t.is((await from('10.0.0.6').ask('/openstack')).status, 404, 'at once');
  t.is((await ask('/openstack')).status, 200);
});

test('paths that lead nowhere are 404, however they are written', async (t) => {
  const { ask, read } = await ground(t);
  for (const path of [
    '/nowhere',
    '/openstack/1999-01-01',
    '/openstack/latest/nothing',
    '/openstack/latest/meta_data.json/x',
    '/openstack/latest/user_data',
    '/openstack/2012-08-10/password',
    '/openstack/2012-08-10/vendor_data.json',
    '/openstack/2013-10-17/network_data.json',
    '/openstack/2016-06-30/vendor_data2.json',
    '/openstack/content',
    '/openstack/content/0000',
    '/openstack/constructor',
    '/latest/user-data',
    '/latest/api/token',
    '/latest/meta-data/nothing',
    '/latest/meta-data/hostname/x',
    '/latest/meta-data/__proto__',
    '/latest/meta-data/constructor/name',
    '/latest/meta-data/security-groups/length',
    '/%E0%A4%A',
    '/%00',
    'http://169.254.169.254/openstack',
  ])
    t.is((await ask(path)).status, 404, path);
  t.is(await read('//openstack/./latest/../latest/'), await read('/openstack/latest'));
  t.is(await read('/%6fpenstack'), await read('/openstack'));
});

test('a guest tells its password once, its owner reads it, and forgets it', async (t) => {
  const { cloud, member, id, ask, read } = await ground(t);
  const path = '/openstack/latest/password';
  const api = `/compute/v2.1/servers/${id}/os-server-password`;
  const post = async (body: Buffer) => (await ask(path, { method: 'POST', body })).status;
  t.is(await read(path), '');
  t.deepEqual(await member.get(api), { password: '' });
  t.is(await post(Buffer.alloc(1021, 'x')), 400);
  t.is(await post(Buffer.from([0xff])), 400);
  t.is(await post(Buffer.from([0])), 400);
  t.is(await post(Buffer.from('')), 200);
  t.is((await ask(path, { method: 'PUT', body: Buffer.from('x') })).status, 400);
  t.is(await post(Buffer.from('c2VjcmV0')), 200);
  t.is(await post(Buffer.from('b3RoZXI=')), 409);
  t.is(await read(path), 'c2VjcmV0');
  t.deepEqual(await cloud.as('reader').get(api), { password: 'c2VjcmV0' });
  await cloud.as('stranger').get(api, 404);
  await cloud.as('reader').delete(api, 403);
  await cloud.as('stranger').delete(api, 404);
  await member.delete(api);
  t.deepEqual(await member.get(api), { password: '' });
  t.is(await post(Buffer.from('b3RoZXI=')), 200);
});

test('asking without end costs one look, and what is told may be as old as the setting says, but is never another’s', async (t) => {
  const { cloud, member, id, create, ask, read } = await ground(t, {}, { metadataCacheSeconds: 60 });
  const uuid = async () => JSON.parse(await read('/openstack/latest/meta_data.json')).uuid;
  let queries = 0;
  cloud.db.on('query', () => {
    queries += 1;
  });
  const before = await read('/latest/meta-data/hostname');
  const first = queries;
  await Promise.all(Array.from({ length: 500 }, () => read('/openstack/latest/meta_data.json')));
  t.true(queries - first <= 1, 'whose the address is');
  await member.put(`/compute/v2.1/servers/${id}`, { server: { name: 'renamed' } });
  t.is(await read('/latest/meta-data/hostname'), before);
  t.is(await uuid(), id);

  await member.delete(`/compute/v2.1/servers/${id}`);
  await cloud.settle();
  const next = await create({ name: 'next' });
  await cloud.settle();
  t.is(await uuid(), next, 'which has got its address');
  const post = { method: 'POST', body: Buffer.from('c2VjcmV0') };
  t.is((await ask('/openstack/latest/password', post)).status, 200);
  t.deepEqual(await member.get(`/compute/v2.1/servers/${next}/os-server-password`), { password: 'c2VjcmV0' });
});

test('while the database is away, guests are told to come again', async (t) => {
  const { cloud, ask } = await ground(t);
  await cloud.db.schema.renameTable('subnets', 'away');
  t.is((await ask('/openstack')).status, 503);
  t.true(cloud.logLines.some((line) => line.includes('cannot be told its metadata')));
  await cloud.db.schema.renameTable('away', 'subnets');
  t.is((await ask('/openstack')).status, 200);
});

test('a server has a config drive when it asks for one, or its image or the site does', async (t) => {
  const { cloud, member, id, create } = await ground(t);
  const has = async (server: string) => {
    await cloud.settle();
    const shown = (await member.get(`/compute/v2.1/servers/${server}`)).server.config_drive;
    const { spec } = (cloud.engines.host.servers as Map<string, { spec: { configDrive: object | null } }>).get(server)!;
    t.is(shown === 'True', spec.configDrive !== null);
    return shown;
  };
  t.is(await has(id), '');
  t.is(await has(await create({ config_drive: 'yes' }, '10.0.0.6')), 'True');
  t.is(await has(await create({ config_drive: false }, '10.0.0.7')), '');
  const image = (await cloud.db('images').first('id')).id;
  await cloud.as('admin').request({
    method: 'PATCH',
    path: `/image/v2/images/${image}`,
    payload: JSON.stringify([{ op: 'add', path: '/img_config_drive', value: 'mandatory' }]),
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
  });
  t.is(await has(await create({}, '10.0.0.8')), 'True');
  const forced = await ground(t, {}, { forceConfigDrive: true });
  t.is((await forced.member.get(`/compute/v2.1/servers/${forced.id}`)).server.config_drive, 'True');
});
