import test from 'ava';
import type { MetadataFacts } from '../metadata/facts.ts';
import { exampleFacts } from '../metadata/testing.ts';
import { configDrive } from './config-drive.ts';

const json = (facts: MetadataFacts, path: string) => JSON.parse(String(configDrive(facts)[path]));

test('a server finds its identity, its key, its network and its user data, in both layouts', (t) => {
  const facts = exampleFacts();
  const metadata = json(facts, 'openstack/latest/meta_data.json');
  t.like(metadata, {
    uuid: facts.server.id,
    name: 'web "one"',
    hostname: 'web-one',
    availability_zone: 'east',
    project_id: 'p',
    public_keys: { mine: facts.boot.publicKey },
    meta: { role: 'front' },
    launch_index: 0,
    admin_pass: 'first',
    random_seed: facts.boot.randomSeed,
    files: [{ content_path: '/content/0000', path: '/etc/motd' }],
  });
  t.like(metadata.devices[0], { mac: 'fa:16:3e:00:00:01', tags: ['front'] });
  const files = configDrive(facts);
  t.deepEqual(files['openstack/latest/user_data'], Buffer.from([0, 255, 10]), 'byte for byte, whatever they are');
  t.deepEqual(files['ec2/latest/user-data'], Buffer.from([0, 255, 10]));
  t.is(String(files['openstack/content/0000']), 'hello');
  t.deepEqual(json(facts, 'openstack/latest/vendor_data2.json'), { static: { a: 1 }, cats: { b: 2 } });
  const ec2 = json(facts, 'ec2/latest/meta-data.json');
  t.like(ec2, { 'local-ipv4': '10.0.0.5', 'instance-type': 'm1.tiny', 'security-groups': ['default', 'web'] });
  t.deepEqual(ec2['public-keys'], { '0': { 'openssh-key': facts.boot.publicKey } });
});

test('a server finds its disks by their serial numbers and what they are for, and where they are while it is rescued', (t) => {
  const disksOf = (facts: MetadataFacts): object[] =>
    json(facts, 'openstack/latest/meta_data.json').devices.filter(({ type }: { type: string }) => type === 'disk');
  const mappingOf = (facts: MetadataFacts) => json(facts, 'ec2/latest/meta-data.json')['block-device-mapping'];
  const facts = exampleFacts();
  t.deepEqual(disksOf(facts), [
    { type: 'disk', serial: 'root', path: '/dev/vda', bus: 'pci', address: 'none', tags: ['system'] },
    { type: 'disk', serial: 'ephemeral0', path: '/dev/vdb', bus: 'pci', address: 'none', tags: ['scratch'] },
    { type: 'disk', serial: 'swap', path: '/dev/vdc', bus: 'pci', address: 'none', tags: [] },
  ]);
  t.deepEqual(mappingOf(facts), { ami: 'vda', root: '/dev/vda', ephemeral0: '/dev/vdb', swap: '/dev/vdc' });

  const rescued = { ...facts, server: { ...facts.server, rescueImageId: facts.server.imageId } };
  t.like(disksOf(rescued)[1], { serial: 'ephemeral0', path: '/dev/vdc' });
  const onScsi = { ...facts, boot: { ...facts.boot, imageProperties: { hw_disk_bus: 'scsi' } } };
  t.like(disksOf(onScsi)[1], { serial: 'ephemeral0', path: '/dev/sdb', bus: 'scsi' });
  t.is(mappingOf(onScsi).root, '/dev/sda');
});

test('a network whose addresses come by DHCP says so, and one without writes them out', (t) => {
  const { links, networks, services } = json(exampleFacts(), 'openstack/latest/network_data.json');
  t.like(links[0], { id: 'tap0b8f1a0e-00', mtu: 1442, ethernet_mac_address: 'fa:16:3e:00:00:01', type: 'ovs' });
  t.is(networks[0].type, 'ipv4_dhcp');
  t.false('ip_address' in networks[0]);
  t.like(networks[1], { type: 'ipv4', ip_address: '10.1.0.5', netmask: '255.255.240.0' });
  t.deepEqual(networks[1].routes, [
    { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.1.0.1' },
    { network: '198.51.100.0', netmask: '255.255.255.0', gateway: '10.1.0.9' },
  ]);
  t.like(networks[2], { type: 'ipv6', ip_address: 'fd00::5', netmask: 'ffff:ffff:ffff:ffff:0:0:0:0' });
  t.deepEqual(services, [{ type: 'dns', address: '192.0.2.53' }]);
});

test('the same server gives the same drive, and one without key and data has no empty files', (t) => {
  const facts = exampleFacts();
  t.deepEqual(configDrive(facts), configDrive(facts));
  const bare = { ...facts.boot, userData: null, publicKey: null, adminPassword: null, personality: [] };
  const without = { ...facts, server: { ...facts.server, keyName: null, metadata: {} }, boot: bare };
  const files = configDrive(without);
  t.deepEqual(
    Object.keys(files).filter((path) => /user|content|password/.test(path)),
    [],
  );
  for (const name of ['public_keys', 'keys', 'meta', 'files', 'admin_pass'])
    t.false(name in json(without, 'openstack/latest/meta_data.json'), name);
});

test('each dated version has what nova gives in it', (t) => {
  const facts = exampleFacts();
  const filesOf = (version: string) =>
    Object.keys(configDrive(facts))
      .filter((path) => path.startsWith(`openstack/${version}/`))
      .map((path) => path.split('/')[2])
      .join(' ');
  t.is(filesOf('2012-08-10'), 'meta_data.json user_data');
  t.is(filesOf('2013-10-17'), 'meta_data.json user_data vendor_data.json');
  t.is(filesOf('2016-06-30'), 'meta_data.json user_data vendor_data.json network_data.json');
  t.is(filesOf('2016-10-06'), 'meta_data.json user_data vendor_data.json network_data.json vendor_data2.json');
  t.is(filesOf('latest'), filesOf('2025-04-04'));
  const namesOf = (version: string) => Object.keys(json(facts, `openstack/${version}/meta_data.json`));
  const first = 'uuid meta files admin_pass public_keys keys hostname name launch_index availability_zone'.split(' ');
  t.deepEqual(namesOf('2012-08-10'), first);
  t.deepEqual(namesOf('2013-04-04'), [...first, 'random_seed']);
  t.deepEqual(namesOf('2015-10-15'), [...first, 'random_seed', 'project_id']);
  t.deepEqual(namesOf('2018-08-27'), [...first, 'random_seed', 'project_id', 'devices']);
  t.deepEqual(namesOf('latest'), [...first, 'random_seed', 'project_id', 'devices', 'dedicated_cpus']);
});
