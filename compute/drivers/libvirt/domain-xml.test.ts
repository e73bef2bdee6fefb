import test from 'ava';
import { namedDisks } from '../disk-names.ts';
import type { LocalDisk, ServerSpec } from '../driver.ts';
import { describeDomain, type HostTraits, readHash } from './domain-xml.ts';

const spec: ServerSpec = {
  id: '7d0e3a52-3f6a-4b1c-9d7e-0c6f2f5b8a11',
  name: 'web',
  vcpus: 2,
  memoryMib: 512,
  rootDiskGib: 5,
  image: { path: '/images/one.raw', format: 'raw' },
  rootDisk: 1,
  rootDiskCopiedFrom: null,
  rescueImage: null,
  ports: [
    {
      id: 'b1c2d3e4-5f60-4718-8293-a4b5c6d7e8f9',
      macAddress: 'fa:16:3e:aa:bb:cc',
      mtu: 1442,
      addresses: [],
      dnsServers: [],
    },
  ],
  configDrive: { 'openstack/latest/meta_data.json': '{}' },
};
const files = {
  disk: '/guests/disk.qcow2',
  rescueDisk: '/guests/rescue.qcow2',
  localDisks: [],
  configDrive: '/guests/config.iso',
  console: '/guests/console.log',
  serial: '/guests/serial.sock',
};
const host: HostTraits = {
  virtualisation: 'tcg',
  emulator: '/usr/bin/qemu-system-x86_64',
  integrationBridge: 'br-int',
  userspaceDatapath: true,
};

test('a domain is written as it was when a person last looked at it', (t) => {
  t.snapshot(describeDomain(spec, files, host).xml.replace(/></g, '>\n<'));
});

test('a working KVM changes the type, the processor and the clock', (t) => {
  const { xml } = describeDomain(spec, files, { ...host, virtualisation: 'kvm', userspaceDatapath: false });
  t.regex(xml, /^<domain type="kvm">/);
  t.regex(xml, /<cpu mode="host-model"\/>/);
  t.notRegex(xml, /csum/);
});

test('the event timer is as the image wants it', (t) => {
  const clockOf = (hasHpet: boolean | undefined, virtualisation: HostTraits['virtualisation']) =>
    /<clock[^>]*\/>|<clock.*<\/clock>/.exec(
      describeDomain({ ...spec, machine: { hasHpet } }, files, { ...host, virtualisation }).xml,
    )?.[0];
  t.regex(clockOf(true, 'kvm') ?? '', /name="hpet" present="yes"/);
  t.regex(clockOf(undefined, 'kvm') ?? '', /name="hpet" present="no"/);
  t.is(clockOf(undefined, 'tcg'), '<clock offset="utc"/>');
  t.is(clockOf(true, 'tcg'), '<clock offset="utc"><timer name="hpet" present="yes"/></clock>');
  t.is(clockOf(false, 'tcg'), '<clock offset="utc"><timer name="hpet" present="no"/></clock>');
});

test('the same server gives the same hash, and any difference another', (t) => {
  const { xml, hash } = describeDomain(spec, files, host);
  t.is(describeDomain(structuredClone(spec), files, host).hash, hash);
  t.is(readHash(xml), hash);
  const changes: Partial<ServerSpec>[] = [
    { name: 'other' },
    { vcpus: 3 },
    { memoryMib: 513 },
    { rootDiskGib: 6 },
    { image: { path: '/images/two.raw', format: 'raw' } },
    { rescueImage: { path: '/images/two.raw', format: 'raw' } },
    { ports: [] },
    { configDrive: { 'openstack/latest/meta_data.json': '{"a":1}' } },
  ];
  const hashes = changes.map((change) => describeDomain({ ...spec, ...change }, files, host).hash);
  t.is(new Set([hash, ...hashes]).size, changes.length + 1);
});

test('nobody listens on the network, and no format is left to be found out', (t) => {
  const { xml } = describeDomain(spec, files, host);
  t.notRegex(xml, /listen=|port="|type="(?:tcp|address|network|socket)"/);
  t.regex(xml, /<graphics type="vnc"><listen type="none"\/><\/graphics>/);
  const disks = xml.match(/<disk .*?<\/disk>/g) ?? [];
  t.is(disks.length, 2);
  for (const disk of disks) t.regex(disk, /<driver name="qemu" type="(?:qcow2|raw)".*<backingStore\/>/);
});

test('disks beside the root disk come after it, and before the config drive', (t) => {
  const localDisks: LocalDisk[] = [
    { kind: 'ephemeral', sizeMib: 1024, format: 'ext4', tag: null },
    { kind: 'swap', sizeMib: 64, format: null, tag: null },
  ];
  const ofTheirs = { ...files, localDisks: ['/guests/ephemeral.raw', '/guests/swap.raw'] };
  const { xml } = describeDomain({ ...spec, localDisks }, ofTheirs, host);
  const order = [...xml.matchAll(/<source file="\/guests\/([a-z.0-9]+)"\/>.*?<target dev="(vd.)"/g)];
  t.deepEqual(
    order.map(([, file, target]) => `${file} ${target}`),
    ['disk.qcow2 vda', 'ephemeral.raw vdb', 'swap.raw vdc', 'config.iso vdd'],
  );
  const serials = [...xml.matchAll(/<serial>(\w+)<\/serial>/g)].map(([, serial]) => serial);
  t.deepEqual(
    serials,
    namedDisks(localDisks).map(({ serial }) => serial),
    'as the server is told',
  );
});

test('an image that wants another machine gets it', (t) => {
  const machine = {
    diskBus: 'scsi',
    configDriveBus: 'sata',
    interfaceModel: 'e1000',
    videoModel: 'cirrus',
    type: 'pc',
    isUefi: true,
    keepsLocalTime: true,
  } as const;
  const { xml, hash } = describeDomain({ ...spec, machine }, { ...files, localDisks: ['/guests/swap.raw'] }, host);
  for (const part of [
    '<os firmware="efi"><type arch="x86_64" machine="pc">hvm</type><firmware><feature enabled="no" name="secure-boot"/></firmware>',
    '<controller type="scsi" index="0" model="virtio-scsi"/>',
    '<target dev="sda" bus="scsi"/>',
    '<target dev="sdb" bus="scsi"/>',
    '<disk type="file" device="cdrom">',
    '<target dev="sdc" bus="sata"/><readonly/>',
    '<model type="e1000"/><mtu',
    '<video><model type="cirrus"/></video>',
    '<clock offset="localtime"/>',
  ])
    t.true(xml.includes(part), part);
  t.notRegex(xml, /pcie-root-port/);
  t.not(hash, describeDomain(spec, files, host).hash);
  const sata = describeDomain({ ...spec, machine: { diskBus: 'sata' } }, files, host).xml;
  t.regex(
    sata,
    /device="cdrom">((?!<\/disk>).)*<target dev="sdb" bus="sata"\/><readonly\/>/,
    'it takes no disk to be read only',
  );
});

test('a name never becomes anything but a name', (t) => {
  const plain = describeDomain(spec, files, host).xml.match(/<[a-z]/g)?.length;
  for (const name of ['', '</title><devices>', '\n', '\0', '"\'&<>', ']]>', '\ud800', 'x'.repeat(10_000)]) {
    t.is(describeDomain({ ...spec, name }, files, host).xml.match(/<[a-z]/g)?.length, plain, JSON.stringify(name));
  }
});

test('a hash is only read where it is whole', (t) => {
  t.is(readHash(''), undefined);
  t.is(readHash('<cirrostack:server specification="abc"/>'), undefined);
});

test('what a flavor asks for beyond sizes is in the domain, and only then', (t) => {
  t.notRegex(describeDomain(spec, files, host).xml, /cputune|iotune|topology|watchdog|bootmenu|<rate /);
  const tuning = {
    cpuShares: 512,
    cpuQuotaMicros: 10_000,
    topology: { sockets: 1, cores: 2, threads: 1 },
    diskLimits: { read_bytes_sec: 1_048_576 },
    hasBootMenu: true,
    watchdog: 'reset',
    randomRate: { bytes: 2048, periodMillis: 1000 },
  } as const;
  const { xml, hash } = describeDomain({ ...spec, tuning }, files, host);
  for (const part of [
    '<cputune><shares>512</shares><quota>10000</quota></cputune>',
    '<cpu mode="maximum"><topology sockets="1" cores="2" threads="1"/></cpu>',
    '<iotune><read_bytes_sec>1048576</read_bytes_sec></iotune>',
    '<bootmenu enable="yes" timeout="3000"/>',
    '<watchdog model="i6300esb" action="reset"/>',
    '<rate bytes="2048" period="1000"/>',
  ])
    t.true(xml.includes(part), part);
  t.not(hash, describeDomain(spec, files, host).hash);
  t.notRegex(describeDomain({ ...spec, tuning: { hasNoRandomDevice: true } }, files, host).xml, /<rng/);
});
