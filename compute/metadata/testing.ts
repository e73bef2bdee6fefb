import type { MetadataFacts } from './facts.ts';

/** A server with something of everything, for tests of what it is told. */
export const exampleFacts = (): MetadataFacts => ({
  server: {
    id: '0b8f1a0e-0000-4000-8000-000000000001',
    name: 'web "one"',
    hostname: 'web-one',
    projectId: 'p',
    keyName: 'mine',
    metadata: { role: 'front' },
    reservationId: 'r-1',
    launchIndex: 0,
    imageId: '0b8f1a0e-0000-4000-8000-000000000002',
    flavorName: 'm1.tiny',
    localDisks: [
      { kind: 'ephemeral', sizeMib: 1024, format: 'ext4', tag: 'scratch' },
      { kind: 'swap', sizeMib: 64, format: null, tag: null },
    ],
    rootDiskTag: 'system',
    rescueImageId: null,
  },
  boot: {
    userData: Buffer.from([0, 255, 10]).toString('base64'), // not text
    publicKey: 'ssh-ed25519 AAAA me',
    randomSeed: 'c2VlZA==',
    adminPassword: 'first',
    personality: [{ path: '/etc/motd', contents: 'aGVsbG8=' }],
    imageProperties: {},
    imageMinRamMib: 0,
    hints: { sameHost: [], differentHost: [] },
    vendorData: null,
  },
  links: [
    {
      portId: '0b8f1a0e-0000-4000-8000-000000000003',
      networkId: '0b8f1a0e-0000-4000-8000-000000000004',
      macAddress: 'fa:16:3e:00:00:01',
      mtu: 1442,
      tag: 'front',
      addresses: [
        {
          address: '10.0.0.5',
          prefixLength: 24,
          gateway: '10.0.0.1',
          isByDhcp: true,
          dnsServers: ['192.0.2.53'],
          routes: [],
        },
      ],
    },
    {
      portId: '0b8f1a0e-1000-4000-8000-000000000005',
      networkId: '0b8f1a0e-0000-4000-8000-000000000006',
      macAddress: 'fa:16:3e:00:00:02',
      mtu: 1442,
      tag: null,
      addresses: [
        {
          address: '10.1.0.5',
          prefixLength: 20,
          gateway: '10.1.0.1',
          isByDhcp: false,
          dnsServers: ['192.0.2.53'],
          routes: [{ destination: '198.51.100.0/24', nexthop: '10.1.0.9' }],
        },
        { address: 'fd00::5', prefixLength: 64, gateway: null, isByDhcp: false, dnsServers: [], routes: [] },
      ],
    },
  ],
  availabilityZone: 'east',
  publicIpv4: '172.24.4.7',
  securityGroups: ['default', 'web'],
  vendorData: { fixed: { a: 1 }, dynamic: { cats: { b: 2 } } },
});
