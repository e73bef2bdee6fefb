import test from 'ava';
import { liveLimitsOf } from '../../flavors/live-limits.ts';
import { askingFor, memory, memoryDevices, memoryNode, processors, readPlugged } from './live-size.ts';
import { type Element, writeXml } from './xml.ts';

const written = (elements: Element[]) => elements.map(writeXml).join('');

test('a guest that cannot change is written as ever, and one that can with what it may become', (t) => {
  const fixed = { vcpus: 2, memoryMib: 128 };
  t.is(written([...memory(fixed), ...processors(fixed)]), '<memory unit="MiB">128</memory><vcpu>2</vcpu>');
  t.deepEqual([...memoryNode(fixed), ...memoryDevices(fixed)], []);

  const live = { ...fixed, liveLimits: { maxVcpus: 3, minMemoryMib: 64, maxMemoryMib: 256 } };
  t.is(written(memory(live)), '<maxMemory slots="1" unit="MiB">256</maxMemory><memory unit="MiB">256</memory>');
  t.is(
    written(processors(live)),
    '<vcpu current="2">3</vcpu><vcpus><vcpu id="0" enabled="yes" hotpluggable="no"/>' +
      '<vcpu id="1" enabled="yes" hotpluggable="yes"/><vcpu id="2" enabled="no" hotpluggable="yes"/></vcpus>',
  );
  t.is(written(memoryNode(live)), '<numa><cell id="0" cpus="0-2" memory="64" unit="MiB"/></numa>');
  t.is(
    written(memoryDevices(live)),
    '<memory model="virtio-mem"><target><size unit="MiB">192</size><node>0</node><block unit="MiB">2</block>' +
      '<requested unit="MiB">64</requested></target></memory>',
  );
});

test('what the guest has taken of its memory is read where libvirt says it', (t) => {
  const device = (current: string) =>
    `<memory unit='KiB'>262144</memory><devices><memory model='virtio-mem'><target><size unit='KiB'>196608</size>
     <node>0</node><requested unit='KiB'>65536</requested>${current}</target></memory></devices>`;
  t.is(readPlugged(device(`<current unit='KiB'>65536</current>`)), 65_536);
  t.is(readPlugged(device('')), undefined);
  t.is(askingFor(64, device('')), undefined, 'it asks for that already');
  t.regex(askingFor(32, device('')) ?? '', /^<memory model='virtio-mem'>.*<requested unit='KiB'>32768<.*<\/memory>$/s);
});

test('a flavor says how far its servers can go, and never less than what it is itself', (t) => {
  const limits = (extraSpecs: Record<string, string>) => liveLimitsOf({ vcpus: 2, memoryMib: 128, extraSpecs });
  t.is(limits({ 'hw_rng:allowed': 'yes' }), null);
  t.deepEqual(limits({ 'cirrostack:max_vcpus': '4' }), { maxVcpus: 4, minMemoryMib: 128, maxMemoryMib: 128 });
  t.deepEqual(
    limits({ 'cirrostack:max_memory_mb': '256', 'cirrostack:min_memory_mb': '64', 'cirrostack:max_vcpus': '1' }),
    { maxVcpus: 2, minMemoryMib: 64, maxMemoryMib: 256 },
  );
  t.deepEqual(limits({ 'cirrostack:max_vcpus': '4', 'hw:cpu_sockets': '2' }), {
    maxVcpus: 2,
    minMemoryMib: 128,
    maxMemoryMib: 128,
  });
});
