/**
 * What the extra specs of flavors may say, from microversion 2.86 on (nova/api/validation/extra_specs/), and which of them mean
 * something here. A spec that nothing honours is not ignored: no host takes a server of such a flavor, and the reason is told.
 */

import { BadRequest } from '../../common/errors.ts';
import { isYes } from '../../common/truth.ts';

interface Form {
  /** Of the whole name. */
  name: RegExp;
  /** How people write it, where the expression is hard to read. */
  shown?: string;
  /** Undefined when the value is well-formed; otherwise what is wrong with it. */
  problem: (value: string) => string | undefined;
  /** Whether a server gets what this value asks for; of a spec that is left out here, never. */
  isHonoured?: (value: string) => boolean;
  /** What a server gets of it, or why it gets nothing, for the documentation. */
  gives: string;
}

const always = () => true;

function integer(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (value: string) => {
    if (!/^[+-]?\d+$/.test(value.trim())) return `'${value}' is not a valid integer value.`;
    if (Number(value) > most) return `'${value}' is greater than the max value of '${most}'.`;
    return Number(value) < least ? `'${value}' is less than the min value of '${least}'.` : undefined;
  };
}

const within = (least: number, most: number) => (value: string) =>
  Number(value) === 0 || (Number(value) >= least && Number(value) <= most);

const oneOf =
  (...values: string[]) =>
  (value: string) =>
    values.includes(value) ? undefined : `'${value}' is not one of: ${values.join(', ')}.`;
const matching = (form: RegExp) => (value: string) =>
  form.test(value) ? undefined : `'${value}' is not of the format '${form.source}'.`;
const boolean = (value: string) =>
  isYes(value) || isNo(value) ? undefined : `'${value}' is not a valid boolean-like value.`;
const text = () => undefined;

const isNo = (value: string) => /^(0|f|false|off|n|no)$/i.test(value.trim());

const group = '([a-zA-Z0-9_-]{1,64})?';

const ofVmware = 'nothing: it is for VMware';
const ofDedicatedCpus = 'nothing: no processors are dedicated';
const ofNuma = "nothing: it has one NUMA node, and its host's are not told apart";
const ofTpm = 'nothing: it has no TPM';
const ofResources = 'nothing: hosts have processors, memory and disks alone';

/** Names that are told apart, the first that fits; `hw:numa_cpus.0` before what would fit all of `hw:`. */
const forms: readonly Form[] = [
  // 0 is no limit. The bounds are those of the kernel's control groups, old and new.
  {
    name: /^quota:cpu_shares$/,
    problem: integer(0),
    isHonoured: within(2, 10_000),
    gives: 'its weight against others when processors are short, 2 to 10000',
  },
  {
    name: /^quota:cpu_period$/,
    problem: integer(0),
    isHonoured: within(1000, 1_000_000),
    gives: 'microseconds, 1000 to 1000000, within which `quota:cpu_quota` is used up',
  },
  {
    name: /^quota:cpu_quota$/,
    problem: integer(0),
    isHonoured: within(1000, 17_592_186_044),
    gives: 'microseconds of each processor in each period, at least 1000',
  },
  {
    name: /^quota:disk_(read|write|total)_(bytes|iops)_sec(_max)?$/,
    problem: integer(0),
    isHonoured: within(1, 1_000_000_000_000_000),
    gives: 'a limit of each of its disks; those of the moment (`_max`) beside a lower one for longer',
  },
  {
    name: /^quota:vif_(inbound|outbound)_(average|peak|burst)$/,
    problem: integer(0),
    gives: 'nothing: what would limit the traffic of its ports are QoS policies of Network, and there are none',
  },
  {
    name: /^quota:(cpu|memory|disk_io|vif)_(limit|reservation|shares_share)$/,
    problem: integer(0),
    gives: ofVmware,
  },
  {
    name: /^quota:(cpu|memory|disk_io|vif)_shares_level$/,
    problem: oneOf('custom', 'high', 'normal', 'low'),
    gives: ofVmware,
  },
  {
    name: /^hw:cpu_policy$/,
    problem: oneOf('dedicated', 'mixed', 'shared'),
    isHonoured: (value) => value === 'shared',
    gives: '`shared` is how it is; no processors are dedicated',
  },
  { name: /^hw:cpu_thread_policy$/, problem: oneOf('prefer', 'isolate', 'require'), gives: ofDedicatedCpus },
  { name: /^hw:emulator_threads_policy$/, problem: oneOf('isolate', 'share'), gives: ofDedicatedCpus },
  {
    name: /^hw:(cpu_realtime_mask|cpu_dedicated_mask)$/,
    problem: matching(/^(\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*)$/),
    gives: ofDedicatedCpus,
  },
  {
    name: /^hw:mem_page_size$/,
    problem: matching(/^(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)$/),
    isHonoured: (value) => value === 'small' || value === 'any',
    gives: '`small` and `any` are how it is; there are no huge pages',
  },
  { name: /^hw:numa_nodes$/, problem: integer(1), gives: ofNuma },
  {
    name: /^hw:numa_cpus\.\d+$/,
    shown: 'hw:numa_cpus.N',
    problem: matching(/^(\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*)$/),
    gives: ofNuma,
  },
  { name: /^hw:numa_mem\.\d+$/, shown: 'hw:numa_mem.N', problem: integer(1), gives: ofNuma },
  {
    name: /^hw:pci_numa_affinity_policy$/,
    problem: oneOf('required', 'preferred', 'legacy', 'socket'),
    gives: ofNuma,
  },
  {
    name: /^hw:cpu_(sockets|cores|threads)$/,
    problem: integer(1),
    isHonoured: within(1, 1024),
    gives: 'how its processors look to it, if they make as many as it has',
  },
  {
    name: /^hw:cpu_max_(sockets|cores|threads)$/,
    problem: integer(1),
    gives: 'nothing: images may ask for any topology',
  },
  { name: /^hw:boot_menu$/, problem: boolean, isHonoured: always, gives: 'a boot menu, for three seconds' },
  {
    name: /^hw:watchdog_action$/,
    problem: oneOf('none', 'pause', 'poweroff', 'reset', 'disabled'),
    // A guest that was paused or turned off would be started again: what the user wants is what runs.
    isHonoured: (value) => value === 'disabled' || value === 'none' || value === 'reset',
    gives: 'a watchdog with `none` and `reset`; `pause` and `poweroff` are refused, as what is to run is started again',
  },
  {
    name: /^hw:(cpu_realtime|hide_hypervisor_id|locked_memory|vif_multiqueue_enabled|mem_encryption|pmu|virtio_packed_ring|ephemeral_encryption)$/,
    problem: boolean,
    isHonoured: isNo,
    gives: 'no is how it is, yes is refused',
  },
  {
    name: /^hw:serial_port_count$/,
    problem: integer(0),
    isHonoured: (value) => Number(value) === 1,
    gives: '1 is how it is',
  },
  {
    name: /^hw:redirected_usb_ports$/,
    problem: integer(0, 15),
    isHonoured: (value) => Number(value) === 0,
    gives: '0 is how it is: there is no USB',
  },
  { name: /^hw:tpm_model$/, problem: oneOf('tpm-tis', 'tpm-crb'), gives: ofTpm },
  { name: /^hw:tpm_version$/, problem: oneOf('1.2', '2.0'), gives: ofTpm },
  { name: /^hw:tpm_secret_security$/, problem: oneOf('user', 'host', 'deployment'), gives: ofTpm },
  {
    name: /^hw:mem_encryption_model$/,
    problem: oneOf('amd-sev', 'amd-sev-es'),
    gives: 'nothing: memory is not encrypted',
  },
  { name: /^hw:viommu_model$/, problem: oneOf('intel', 'smmuv3', 'virtio', 'auto'), gives: 'nothing: no IOMMU' },
  {
    name: /^hw:sound_model$/,
    problem: oneOf('sb16', 'es1370', 'pcspk', 'ac97', 'ich6', 'ich9', 'usb', 'virtio'),
    gives: 'nothing: it has no sound',
  },
  {
    name: /^hw:usb_model$/,
    problem: oneOf('usb-tablet', 'qemu-xhci', 'nec-xhci', 'piix3-uhci'),
    gives: 'nothing: it has no USB',
  },
  {
    name: /^hw:ephemeral_encryption_format$/,
    problem: oneOf('luks'),
    gives: 'nothing: ephemeral disks are not encrypted',
  },
  { name: /^hw:pmem$/, problem: text, gives: 'nothing: there is no persistent memory' },
  {
    name: /^hw_rng:allowed$/,
    problem: boolean,
    isHonoured: always,
    gives: 'whether it has a source of randomness; it has unless told otherwise',
  },
  {
    name: /^hw_rng:rate_(bytes|period)$/,
    problem: integer(0),
    isHonoured: within(1, 1_000_000_000),
    gives: 'how many bytes it may draw of it in so many milliseconds (1000)',
  },
  { name: /^hw_video:ram_max_mb$/, problem: integer(0), gives: `nothing: images cannot ask for a screen's memory` },
  // Ours: what a server can become while it runs (live-limits.ts).
  {
    name: /^cirrostack:max_vcpus$/,
    problem: integer(1, 1024),
    isHonoured: always,
    gives: 'the most processors that `liveResize` can give it',
  },
  {
    name: /^cirrostack:(max|min)_memory_mb$/,
    problem: integer(1, 2 ** 31 - 1),
    isHonoured: always,
    gives: 'the most memory that `liveResize` can give it, and the least that it starts with',
  },
  {
    name: /^os:secure_boot$/,
    problem: oneOf('disabled', 'required'),
    isHonoured: (value) => value === 'disabled',
    gives: '`disabled` is how it is',
  },
  {
    name: /^trait:[A-Z0-9_]{1,255}$/,
    shown: 'trait:TRAIT',
    problem: oneOf('required', 'forbidden'),
    isHonoured: always,
    gives: 'a host that has that trait, or has it not',
  },
  // Of groups of resources, of which there are none.
  {
    name: new RegExp(`^trait${group}:[A-Z0-9_]{1,255}$`),
    shown: 'traitGROUP:TRAIT',
    problem: oneOf('required', 'forbidden'),
    gives: ofResources,
  },
  {
    name: new RegExp(`^resources${group}:[A-Z0-9_]{1,255}$`),
    shown: 'resourcesGROUP:CLASS',
    problem: integer(0),
    gives: ofResources,
  },
  {
    name: /^capabilities:.+$/,
    shown: 'capabilities:…',
    problem: text,
    isHonoured: always,
    gives: 'a host that is so (`ComputeCapabilitiesFilter`)',
  },
  {
    name: /^aggregate_instance_extra_specs:.+$/,
    shown: 'aggregate_instance_extra_specs:KEY',
    problem: text,
    isHonoured: always,
    gives: 'a host of an aggregate whose metadata say that (`AggregateInstanceExtraSpecsFilter`)',
  },
  {
    name: /^(accel:device_profile|pci_passthrough:alias|vmware:(hw_version|storage_policy))$/,
    problem: text,
    gives: 'nothing: there are no accelerators, no devices of the host for guests, and no VMware',
  },
  { name: /^hide_hypervisor_id$/, problem: boolean, isHonoured: isNo, gives: 'no is how it is, yes is refused' },
  { name: /^group_policy$/, problem: oneOf('none', 'isolate'), gives: ofResources },
];

/** Every spec that is known, as people write it, and what a server gets of it. */
export function describeExtraSpecs(): { name: string; isEverHonoured: boolean; gives: string }[] {
  return forms.map(({ name, shown = name.source.replace(/^\^|\$$/g, ''), isHonoured, gives }) => {
    return { name: shown, isEverHonoured: isHonoured !== undefined, gives };
  });
}

const namespaces =
  /^(quota|hw|hw_rng|hw_video|os|trait([a-zA-Z0-9_-]{1,64})?|resources([a-zA-Z0-9_-]{1,64})?|capabilities|aggregate_instance_extra_specs|accel|pci_passthrough|vmware)$/;

/** Throws `BadRequest` for a value that its spec does not have, and for an unknown name in a known namespace. */
export function validateExtraSpec(name: string, value: string): void {
  const form = forms.find((candidate) => candidate.name.test(name));
  const problem = form?.problem(value);
  if (problem !== undefined) throw new BadRequest(`Validation failed; ${problem}`);
  const [namespace = ''] = name.split(':', 1);
  if (form === undefined && name.includes(':') && namespaces.test(namespace))
    throw new BadRequest(`Validation failed; extra spec '${name}' does not appear to be a valid extra spec.`);
}

/**
 * The specs, as `name=value`, of which a server would get nothing. Names without a namespace, and namespaces that nobody knows,
 * are not among them: the former are for aggregates, the latter for whoever made them up.
 */
export function unhonouredSpecs(specs: Readonly<Record<string, string>>): string[] {
  return Object.entries(specs)
    .filter(([name, value]) => {
      const form = forms.find((candidate) => candidate.name.test(name));
      if (form === undefined) return namespaces.test(name.split(':', 1)[0] ?? '') && name.includes(':');
      return form.problem(value) !== undefined || form.isHonoured?.(value) !== true;
    })
    .map(([name, value]) => `${name}=${value}`);
}
