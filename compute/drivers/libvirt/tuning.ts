/** What a flavor asks for beyond sizes, as libvirt is told it. Elements that nothing was asked for are left out. */
import type { GuestTuning } from '../../flavors/guest-tuning.ts';
import { type Element, element } from './xml.ts';

/** Of the domain: how its CPUs are shared with others. */
export function cpuTuning({ cpuShares, cpuPeriodMicros, cpuQuotaMicros }: GuestTuning): Element[] {
  const parts = Object.entries({ shares: cpuShares, period: cpuPeriodMicros, quota: cpuQuotaMicros })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => element(name, {}, [String(value)]));
  return parts.length === 0 ? [] : [element('cputune', {}, parts)];
}

/** Inside of `<cpu>`. */
export function cpuTopology({ topology }: GuestTuning): Element[] {
  return topology === undefined ? [] : [element('topology', topology)];
}

/** Inside of `<os>`. */
export function bootMenu({ hasBootMenu }: GuestTuning): Element[] {
  return hasBootMenu ? [element('bootmenu', { enable: 'yes', timeout: 3000 })] : [];
}

/** Inside of each `<disk>` that can be written. */
export function diskTuning({ diskLimits = {} }: GuestTuning): Element[] {
  const limits = Object.entries(diskLimits).map(([name, value]) => element(name, {}, [String(value)]));
  return limits.length === 0 ? [] : [element('iotune', {}, limits)];
}

/** A source of randomness, unless the flavor has none, and a watchdog, if it has one. */
export function tunedDevices({ hasNoRandomDevice, randomRate, watchdog }: GuestTuning): Element[] {
  const rate = randomRate ? [element('rate', { bytes: randomRate.bytes, period: randomRate.periodMillis })] : [];
  const backend = element('backend', { model: 'random' }, ['/dev/urandom']);
  return [
    ...(hasNoRandomDevice ? [] : [element('rng', { model: 'virtio' }, [...rate, backend])]),
    ...(watchdog === undefined ? [] : [element('watchdog', { model: 'i6300esb', action: watchdog })]),
  ];
}
