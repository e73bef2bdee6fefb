/**
 * What the extra specs of flavors may say, from microversion 2.86 on (nova/api/validation/extra_specs/), and which of them mean
 * something here. A spec that nothing honours is not ignored: no host takes a server of such a flavor, and the reason is told.
 */
import { BadRequest } from '../../common/errors.ts';

interface Form {
  /** Of the whole name. */
  name: RegExp;
  /** Undefined when the value is well-formed; otherwise what is wrong with it. */
  problem: (value: string) => string | undefined;
  /** Whether a server gets what this value asks for; of a spec that is left out here, never. */
  isHonoured?: (value: string) => boolean;
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

export const isYes = (value: string) => /^(1|t|true|on|y|yes)$/i.test(value.trim());
const isNo = (value: string) => /^(0|f|false|off|n|no)$/i.test(value.trim());

const group = '([a-zA-Z0-9_-]{1,64})?';

/** Names that are told apart, the first that fits; `hw:numa_cpus.0` before what would fit all of `hw:`. */
const forms: readonly Form[] = [
  // 0 is no limit. The bounds are those of the kernel's control groups, old and new.
  { name: /^quota:cpu_shares$/, problem: integer(0), isHonoured: within(2, 10_000) },
  { name: /^quota:cpu_period$/, problem: integer(0), isHonoured: within(1000, 1_000_000) },
  { name: /^quota:cpu_quota$/, problem: integer(0), isHonoured: within(1000, 17_592_186_044) },
  {
    name: /^quota:disk_(read|write|total)_(bytes|iops)_sec(_max)?$/,
    problem: integer(0),
    isHonoured: within(1, 1_000_000_000_000_000),
  },
  { name: /^quota:vif_(inbound|outbound)_(average|peak|burst)$/, problem: integer(0) },
  { name: /^quota:(cpu|memory|disk_io|vif)_(limit|reservation|shares_share)$/, problem: integer(0) },
  {
    name: /^quota:(cpu|memory|disk_io|vif)_shares_level$/,
    problem: oneOf('custom', 'high', 'normal', 'low'),
  },
  {
    name: /^hw:cpu_policy$/,
    problem: oneOf('dedicated', 'mixed', 'shared'),
    isHonoured: (value) => value === 'shared',
  },
  { name: /^hw:cpu_thread_policy$/, problem: oneOf('prefer', 'isolate', 'require') },
  { name: /^hw:emulator_threads_policy$/, problem: oneOf('isolate', 'share') },
  { name: /^hw:(cpu_realtime_mask|cpu_dedicated_mask)$/, problem: matching(/^(\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*)$/) },
  {
    name: /^hw:mem_page_size$/,
    problem: matching(/^(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)$/),
    isHonoured: (value) => value === 'small' || value === 'any',
  },
  { name: /^hw:numa_nodes$/, problem: integer(1) },
  { name: /^hw:numa_cpus\.\d+$/, problem: matching(/^(\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*)$/) },
  { name: /^hw:numa_mem\.\d+$/, problem: integer(1) },
  { name: /^hw:pci_numa_affinity_policy$/, problem: oneOf('required', 'preferred', 'legacy', 'socket') },
  { name: /^hw:cpu_(sockets|cores|threads)$/, problem: integer(1), isHonoured: within(1, 1024) },
  { name: /^hw:cpu_max_(sockets|cores|threads)$/, problem: integer(1) },
  { name: /^hw:boot_menu$/, problem: boolean, isHonoured: always },
  {
    name: /^hw:watchdog_action$/,
    problem: oneOf('none', 'pause', 'poweroff', 'reset', 'disabled'),
    // A guest that was paused or turned off would be started again: what the user wants is what runs.
    isHonoured: (value) => value === 'disabled' || value === 'none' || value === 'reset',
  },
  {
    name: /^hw:(cpu_realtime|hide_hypervisor_id|locked_memory|vif_multiqueue_enabled|mem_encryption|pmu|virtio_packed_ring|ephemeral_encryption)$/,
    problem: boolean,
    isHonoured: isNo,
  },
  { name: /^hw:serial_port_count$/, problem: integer(0), isHonoured: (value) => Number(value) === 1 },
  { name: /^hw:redirected_usb_ports$/, problem: integer(0, 15), isHonoured: (value) => Number(value) === 0 },
  { name: /^hw:tpm_model$/, problem: oneOf('tpm-tis', 'tpm-crb') },
  { name: /^hw:tpm_version$/, problem: oneOf('1.2', '2.0') },
  { name: /^hw:tpm_secret_security$/, problem: oneOf('user', 'host', 'deployment') },
  { name: /^hw:mem_encryption_model$/, problem: oneOf('amd-sev', 'amd-sev-es') },
  { name: /^hw:viommu_model$/, problem: oneOf('intel', 'smmuv3', 'virtio', 'auto') },
  {
    name: /^hw:sound_model$/,
    problem: oneOf('sb16', 'es1370', 'pcspk', 'ac97', 'ich6', 'ich9', 'usb', 'virtio'),
  },
  { name: /^hw:usb_model$/, problem: oneOf('usb-tablet', 'qemu-xhci', 'nec-xhci', 'piix3-uhci') },
  { name: /^hw:ephemeral_encryption_format$/, problem: oneOf('luks') },
  { name: /^hw:pmem$/, problem: text },
  { name: /^hw_rng:allowed$/, problem: boolean, isHonoured: always },
  { name: /^hw_rng:rate_(bytes|period)$/, problem: integer(0), isHonoured: within(1, 1_000_000_000) },
  { name: /^hw_video:ram_max_mb$/, problem: integer(0) },
  // Ours: what a server can become while it runs (live-limits.ts).
  { name: /^cirrostack:max_vcpus$/, problem: integer(1, 1024), isHonoured: always },
  { name: /^cirrostack:(max|min)_memory_mb$/, problem: integer(1, 2 ** 31 - 1), isHonoured: always },
  { name: /^os:secure_boot$/, problem: oneOf('disabled', 'required'), isHonoured: (value) => value === 'disabled' },
  { name: /^trait:[A-Z0-9_]{1,255}$/, problem: oneOf('required', 'forbidden'), isHonoured: always },
  // Of groups of resources, of which there are none.
  { name: new RegExp(`^trait${group}:[A-Z0-9_]{1,255}$`), problem: oneOf('required', 'forbidden') },
  { name: new RegExp(`^resources${group}:[A-Z0-9_]{1,255}$`), problem: integer(0) },
  { name: /^capabilities:.+$/, problem: text, isHonoured: always },
  { name: /^aggregate_instance_extra_specs:.+$/, problem: text, isHonoured: always },
  { name: /^(accel:device_profile|pci_passthrough:alias|vmware:(hw_version|storage_policy))$/, problem: text },
  { name: /^hide_hypervisor_id$/, problem: boolean, isHonoured: isNo },
  { name: /^group_policy$/, problem: oneOf('none', 'isolate') },
];

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
