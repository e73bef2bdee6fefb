import test from 'ava';
import { unhonouredSpecs } from './extra-specs.ts';
import { tuningOf, tuningProblem } from './guest-tuning.ts';

test('extra specs become what the hypervisor is told', (t) => {
  t.deepEqual(tuningOf({}, 1), {});
  t.deepEqual(tuningOf({ 'quota:cpu_shares': '0', 'hw:boot_menu': 'no', 'hw_rng:allowed': 'yes', other: 'x' }, 1), {});
  const specs = {
    'quota:cpu_shares': '512',
    'quota:cpu_period': '20000',
    'quota:cpu_quota': '10000',
    'quota:disk_read_bytes_sec': '1048576',
    'quota:disk_write_iops_sec': '100',
    'hw:boot_menu': 'True',
    'hw:watchdog_action': 'reset',
    'hw_rng:rate_bytes': '2048',
  };
  t.deepEqual(unhonouredSpecs(specs), []);
  t.deepEqual(tuningOf(specs, 1), {
    cpuShares: 512,
    cpuPeriodMicros: 20_000,
    cpuQuotaMicros: 10_000,
    diskLimits: { read_bytes_sec: 1_048_576, write_iops_sec: 100 },
    hasBootMenu: true,
    watchdog: 'reset',
    randomRate: { bytes: 2048, periodMillis: 1000 },
  });
  t.deepEqual(tuningOf({ 'hw_rng:allowed': 'False' }, 1), { hasNoRandomDevice: true });
});

test('sockets, cores and threads make the VCPUs, or the server is refused', (t) => {
  const topology = (specs: Record<string, string>, vcpus: number) => tuningOf(specs, vcpus).topology;
  t.deepEqual(topology({ 'hw:cpu_sockets': '1' }, 4), { sockets: 1, cores: 4, threads: 1 });
  t.deepEqual(topology({ 'hw:cpu_cores': '2' }, 4), { sockets: 2, cores: 2, threads: 1 });
  t.deepEqual(topology({ 'hw:cpu_threads': '2' }, 4), { sockets: 2, cores: 1, threads: 2 });
  t.is(topology({}, 4), undefined);
  t.is(tuningProblem({ 'hw:cpu_sockets': '2' }, 4), undefined);
  t.regex(tuningProblem({ 'hw:cpu_sockets': '3' }, 4) ?? '', /do not make 4 VCPUs/);
  t.regex(tuningProblem({ 'hw:cpu_sockets': '1', 'hw:cpu_cores': '2' }, 4) ?? '', /do not make 4 VCPUs/);
});

test('limits of a disk that exclude each other are refused', (t) => {
  const both = { 'quota:disk_total_iops_sec': '10', 'quota:disk_read_iops_sec': '5' };
  t.regex(tuningProblem(both, 1) ?? '', /a limit of all iops/);
  t.is(tuningProblem({ 'quota:disk_total_iops_sec': '10', 'quota:disk_read_bytes_sec': '5' }, 1), undefined);
  t.regex(tuningProblem({ 'quota:disk_read_iops_sec_max': '5' }, 1) ?? '', /read_iops_sec_max without/);
  t.is(tuningProblem({ 'quota:disk_read_iops_sec': '2', 'quota:disk_read_iops_sec_max': '5' }, 1), undefined);
});
