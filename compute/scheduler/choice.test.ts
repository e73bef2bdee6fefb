/** What hosts are asked and how they are weighed; pure. */
import test from 'ava';
import { BadRequest } from '../../common/errors.ts';
import type { Demand } from './demand.ts';
import { type HostCapacity, refusalOf } from './filters.ts';
import { defaultScheduling, schedulingOf } from './scheduling.ts';
import { matches } from './spec-operators.ts';
import { weighed } from './weighers.ts';

const nothing = { ratio: null, reserved: null };
const unsaid = { vcpus: nothing, memoryMib: nothing, diskGib: nothing };

function host(name: string, changes: Partial<HostCapacity> = {}): HostCapacity {
  return {
    id: name,
    name,
    isUp: true,
    downReason: '',
    downDetail: null,
    isDisabled: false,
    disabledReason: null,
    zone: 'nova',
    aggregates: [],
    hypervisorType: 'QEMU',
    hypervisorVersion: 7_002_000,
    cpuModel: 'x',
    architecture: 'x86_64',
    virtualisation: 'kvm',
    traits: ['CUSTOM_GPU'],
    inventories: unsaid,
    vcpus: 4,
    memoryMib: 4096,
    diskGib: 100,
    claimedVcpus: 0,
    claimedMemoryMib: 0,
    claimedDiskGib: 0,
    ...changes,
  };
}

const demand: Demand = { vcpus: 1, memoryMib: 64, diskGib: 1, zone: null, hostName: null, projectId: 'p' };

test('an extra spec compares as its operator says', (t) => {
  const good = [
    ['5', '= 4'],
    ['5', '>= 5'],
    ['5', '== 5.0'],
    ['4', '!= 5'],
    ['4', '<= 5'],
    ['a', 's== a'],
    ['a', 's!= b'],
    ['b', 's> a'],
    ['abc', '<in> b'],
    ['aes mmx', '<all-in> aes mmx'],
    ['b', '<or> a <or> b'],
    ['plain', 'plain'],
    ['two words', 'two words'],
  ] as const;
  for (const [value, requirement] of good) t.true(matches(value, requirement), `${value} ${requirement}`);
  const bad = [
    ['5', '= 6'],
    ['x', '= 1'],
    ['a', 's== b'],
    ['abc', '<in> d'],
    ['c', '<or> a <or> b'],
    ['a', 'b'],
    ['a', 's=='],
  ] as const;
  for (const [value, requirement] of bad) t.false(matches(value, requirement), `${value} ${requirement}`);
});

test('a host refuses by its aggregates, its capabilities and by what nothing honours', (t) => {
  const refused = (one: HostCapacity, changes: Partial<Demand>) =>
    refusalOf(one, { ...demand, ...changes }, defaultScheduling)?.filter;
  const fast = host('fast', { aggregates: [{ ssd: 'true' }, { tier: 'gold, silver' }], zone: 'east' });
  t.is(refused(fast, { extraSpecs: { ssd: 'true', 'aggregate_instance_extra_specs:tier': 'silver' } }), undefined);
  t.is(refused(host('slow'), { extraSpecs: { ssd: 'true' } }), 'AggregateInstanceExtraSpecsFilter');
  t.is(refused(fast, { extraSpecs: { tier: 'bronze' } }), 'AggregateInstanceExtraSpecsFilter');
  t.is(refused(fast, { zone: 'west' }), 'AvailabilityZoneFilter');
  const theirs = host('theirs', { aggregates: [{ filter_tenant_id: 'q', filter_tenant_id2: 'r' }] });
  t.is(refused(theirs, {}), 'AggregateMultiTenancyIsolation');
  t.is(refused(theirs, { projectId: 'r' }), undefined);
  t.is(refused(fast, { extraSpecs: { 'capabilities:hypervisor_type': 's== QEMU' } }), undefined);
  t.is(refused(fast, { extraSpecs: { 'capabilities:cpu_info:arch': 'aarch64' } }), 'ComputeCapabilitiesFilter');
  t.is(refused(fast, { extraSpecs: { 'capabilities:unknown': 'x' } }), 'ComputeCapabilitiesFilter');
  for (const [name, value] of [
    ['hw:numa_nodes', '2'],
    ['quota:vif_inbound_average', '100'],
    ['trait1:CUSTOM_GPU', 'required'],
    ['resources:VCPU', '2'],
    ['hw:cpu_policy', 'dedicated'],
  ] as const)
    t.is(refused(fast, { extraSpecs: { [name]: value } }), 'ComputeCapabilitiesFilter', name);
  for (const [name, value] of [
    ['hw:cpu_policy', 'shared'],
    ['trait:CUSTOM_GPU', 'required'],
    ['trait:CUSTOM_FPGA', 'forbidden'],
    ['mine:own', 'x'],
  ] as const)
    t.is(refused(fast, { extraSpecs: { [name]: value } }), undefined, name);
  t.is(refused(fast, { extraSpecs: { 'trait:CUSTOM_GPU': 'forbidden' } }), 'RequiredTraitsFilter');
  t.is(refused(fast, { imageProperties: { 'trait:CUSTOM_FPGA': 'required' } }), 'RequiredTraitsFilter');
  const sockets = { extraSpecs: { 'hw:cpu_sockets': '2' }, vcpus: 0 }; // a resize claims what it takes more
  t.is(refused(fast, { ...sockets, guestVcpus: 3 }), 'ComputeCapabilitiesFilter');
  t.is(refused(fast, { ...sockets, guestVcpus: 4 }), undefined);
  t.is(refused(fast, { sameHostIds: new Set(['slow']) }), 'SameHostFilter');
  t.is(refused(fast, { differentHostIds: new Set(['fast']) }), 'DifferentHostFilter');
  const only = { ...defaultScheduling, filters: ['SameHostFilter'] as const };
  t.is(refusalOf(host('slow'), { ...demand, extraSpecs: { ssd: 'true' } }, only), undefined);
});

const usual = {
  schedulerFilters: 'all',
  schedulerWeights: '',
  cpuAllocationRatio: '16',
  ramAllocationRatio: '1',
  diskAllocationRatio: '1',
  reservedHostCpus: 0,
  reservedHostMemoryMib: 512,
  reservedHostDiskGib: 0,
};

test('a host promises as often as the settings say, or as an administrator says of it', (t) => {
  const fits = (changes: object, one: Partial<HostCapacity>, asked: Partial<Demand>) =>
    refusalOf(host('x', one), { ...demand, ...asked }, schedulingOf({ ...usual, ...changes })) === undefined;
  t.true(fits({}, {}, { memoryMib: 3584 }));
  t.false(fits({}, {}, { memoryMib: 3585 }));
  t.true(fits({ ramAllocationRatio: '1.5', reservedHostMemoryMib: 96 }, {}, { memoryMib: 6000 }));
  t.false(fits({ cpuAllocationRatio: '1' }, {}, { vcpus: 5 }));
  const own = { ...unsaid, vcpus: { ratio: 2, reserved: 1 } };
  t.true(fits({ cpuAllocationRatio: '1' }, { inventories: own }, { vcpus: 6 }));
  t.false(fits({}, { inventories: own }, { vcpus: 7 }));
  for (const bad of ['0', '-1', 'x', '1e3'])
    t.throws(() => schedulingOf({ ...usual, diskAllocationRatio: bad }), { instanceOf: BadRequest }, bad);
});

test('weights decide among those that fit, and the operator sets them', (t) => {
  const roomy = host('roomy', { memoryMib: 8192, claimedVcpus: 60 });
  const idle = host('idle');
  const best = (weights: string) =>
    weighed([roomy, idle], demand, schedulingOf({ ...usual, schedulerWeights: weights }))[0]?.host.name;
  t.is(best(''), 'roomy');
  t.is(best('RAMWeigher=0, CPUWeigher=1'), 'idle');
  t.is(best('RAMWeigher=-1'), 'idle');
  t.is(best('CPUWeigher=2'), 'idle');
  const two = schedulingOf({ ...usual, schedulerFilters: 'SameHostFilter, DifferentHostFilter' });
  t.deepEqual(two, { ...defaultScheduling, filters: ['SameHostFilter', 'DifferentHostFilter'] });
  for (const bad of ['RAMWeigher', 'Other=1', 'RAMWeigher=x', 'RAMWeigher=1e9'])
    t.throws(() => schedulingOf({ ...usual, schedulerWeights: bad }), { instanceOf: BadRequest }, bad);
  const filters = { ...usual, schedulerFilters: 'ComputeFilter' };
  t.throws(() => schedulingOf(filters), { instanceOf: BadRequest }, 'those that always are cannot be named');
});
