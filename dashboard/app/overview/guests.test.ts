import test from 'ava';
import type { Container } from '../containers/container.ts';
import type { FloatingIp } from '../floating-ips/floating-ip.ts';
import type { Server } from '../servers/server.ts';
import { guestList } from './guests.ts';

const server = {
  id: 's1',
  name: 'web',
  status: 'ACTIVE',
  'OS-EXT-STS:vm_state': 'active',
  'OS-EXT-STS:task_state': null,
  addresses: {
    private: [
      { addr: '10.0.0.5', version: 4, 'OS-EXT-IPS:type': 'fixed', 'OS-EXT-IPS-MAC:mac_addr': '' },
      { addr: '172.24.4.9', version: 4, 'OS-EXT-IPS:type': 'floating', 'OS-EXT-IPS-MAC:mac_addr': '' },
    ],
  },
  flavor: { id: 'f1' },
  image: '',
} as unknown as Server;

const container = {
  uuid: 'c1',
  name: 'cache',
  status: 'Creating',
  task_state: null,
  addresses: { n1: [{ addr: '10.0.0.6', version: 4, port: 'p', subnet_id: 's' }] },
  image: 'i1',
  cpu: 0.5,
  memory: '256',
} as unknown as Container;

const flavor = { id: 'f1', name: 'm1.tiny', vcpus: 1, ram: 512, disk: 1 };
const floatingIp = { port_id: 'p', floating_ip_address: '172.24.4.10' } as FloatingIp;
const everything = { servers: [server], containers: [container], flavors: [flavor], floatingIps: [floatingIp] };
const all = { text: '', kind: '' };

test('servers and containers are one list, by name', (t) => {
  const list = guestList(everything, all);
  t.deepEqual(
    list.map(({ kind, name, path, isMoving }) => [kind, name, path, isMoving]),
    [
      ['container', 'cache', '/containers/c1', true],
      ['server', 'web', '/servers/s1', false],
    ],
  );
  t.deepEqual(list[1]?.addresses, [
    { addr: '10.0.0.5', isFloating: false },
    { addr: '172.24.4.9', isFloating: true },
  ]);
  t.deepEqual(list[0]?.addresses, [
    { addr: '10.0.0.6', isFloating: false },
    { addr: '172.24.4.10', isFloating: true },
  ]);
  t.deepEqual(
    list.map(({ memoryMib, vcpus }) => [memoryMib, vcpus]),
    [
      [256, 0.5],
      [512, 1],
    ],
  );
});

test('the list is searched by name, id and address, and narrowed by kind', (t) => {
  const names = (options: typeof all) => guestList(everything, options).map(({ name }) => name);
  t.deepEqual(names({ ...all, text: 'WEB ' }), ['web']);
  t.deepEqual(names({ ...all, text: '10.0.0.6' }), ['cache']);
  t.deepEqual(names({ ...all, text: 's1' }), ['web']);
  t.deepEqual(names({ ...all, kind: 'container' }), ['cache']);
  t.deepEqual(names({ text: 'web', kind: 'container' }), []);
});
