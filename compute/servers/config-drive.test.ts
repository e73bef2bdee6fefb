import test from 'ava';
import { configDrive } from './config-drive.ts';

const server = {
  id: '0b8f1a0e-0000-4000-8000-000000000001',
  name: 'web "one"',
  hostname: 'web-one',
  projectId: 'p',
  keyName: 'mine',
  metadata: { role: 'front' },
  reservationId: 'r-1',
  launchIndex: 0,
  imageId: '0b8f1a0e-0000-4000-8000-000000000002',
  flavorId: 'tiny',
};
const port = {
  id: '0b8f1a0e-0000-4000-8000-000000000003',
  macAddress: 'fa:16:3e:00:00:01',
  mtu: 1442,
  addresses: [
    { address: '10.0.0.5', prefixLength: 20, gateway: '10.0.0.1' },
    { address: 'fd00::5', prefixLength: 64, gateway: null },
  ],
  dnsServers: ['192.0.2.53'],
};
const boot = {
  userData: Buffer.from('#!/bin/sh\necho ü\n').toString('base64'),
  publicKey: 'ssh-ed25519 AAAA me',
  randomSeed: 'c2VlZA==',
  adminPassword: 'first',
  personality: [{ path: '/etc/motd', contents: 'aGVsbG8=' }],
  imageProperties: {},
};

test('a server finds its identity, its key, its network and its user data, in both layouts', (t) => {
  const files = configDrive(server, boot, [port]);
  const metadata = JSON.parse(files['openstack/latest/meta_data.json'] ?? '');
  t.like(metadata, {
    uuid: server.id,
    name: 'web "one"',
    hostname: 'web-one',
    availability_zone: 'nova',
    project_id: 'p',
    public_keys: { mine: boot.publicKey },
    meta: { role: 'front' },
    launch_index: 0,
  });
  t.is(metadata.devices[0].mac, port.macAddress);
  const network = JSON.parse(files['openstack/latest/network_data.json'] ?? '');
  t.like(network.links[0], { id: 'tap0b8f1a0e-00', mtu: 1442, ethernet_mac_address: port.macAddress, type: 'ovs' });
  t.like(network.networks[0], { type: 'ipv4', ip_address: '10.0.0.5', netmask: '255.255.240.0' });
  t.is(network.networks[0].routes[0].gateway, '10.0.0.1');
  t.like(network.networks[1], { type: 'ipv6', ip_address: 'fd00::5', netmask: 'ffff:ffff:ffff:ffff:0:0:0:0' });
  t.deepEqual(network.services, [{ type: 'dns', address: '192.0.2.53' }]);
  t.is(files['openstack/latest/user_data'], '#!/bin/sh\necho ü\n');
  t.is(metadata.admin_pass, 'first');
  t.deepEqual(metadata.files, [{ content_path: '/content/0000', path: '/etc/motd' }]);
  t.is(files['openstack/content/0000'], 'hello');
  const ec2 = JSON.parse(files['ec2/latest/meta-data.json'] ?? '');
  t.like(ec2, { 'local-ipv4': '10.0.0.5', 'instance-type': 'tiny' });
  t.is(ec2['public-keys']['0']['openssh-key'], boot.publicKey);
});

test('the same server gives the same drive, and one without key and data has no empty files', (t) => {
  const bare = { ...boot, userData: null, publicKey: null, adminPassword: null, personality: [] };
  t.deepEqual(configDrive(server, bare, []), configDrive(server, bare, []));
  const files = configDrive({ ...server, keyName: null }, bare, []);
  t.false('openstack/latest/user_data' in files);
  t.false('public_keys' in JSON.parse(files['openstack/latest/meta_data.json'] ?? ''));
});
