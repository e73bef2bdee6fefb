/** What the properties of its image make of a server's machine, as nova/objects/image_meta.py has them. Pure. */
import { BadRequest } from '../../common/errors.ts';
import { isYes } from '../../common/truth.ts';
import type { Machine } from '../drivers/driver.ts';
import { unhonouredSpecs, validateExtraSpec } from '../flavors/extra-specs.ts';
import { tuningProblem } from '../flavors/guest-tuning.ts';
import { senselessRequirement } from '../scheduler/image-requirements.ts';
import type { ImageProperties } from './image-properties.ts';

type Specs = Readonly<Record<string, string>>;

/** Each with the values that mean something here; whatever else Nova has for it is refused. */
const known = {
  hw_disk_bus: ['virtio', 'scsi', 'sata'],
  hw_scsi_model: ['virtio-scsi'],
  hw_cdrom_bus: ['virtio', 'scsi', 'sata'],
  hw_vif_model: ['virtio', 'e1000', 'e1000e', 'rtl8139'],
  hw_video_model: ['vga', 'virtio', 'cirrus', 'bochs', 'none'],
  hw_rng_model: ['virtio'],
  hw_firmware_type: ['bios', 'uefi'],
  hw_input_bus: ['virtio'],
  hw_pointer_model: ['ps2mouse', 'usbtablet'],
  os_type: ['linux', 'windows'],
  os_secure_boot: ['disabled', 'optional'],
} as const;

const machineTypes = /^(q35|pc|pc-q35-\d{1,2}\.\d|pc-i440fx-\d{1,2}\.\d)$/;
/** Those that an extra spec of the same name says for a flavor: `hw_cpu_policy` is `hw:cpu_policy`. */
const notSpecs: readonly string[] = [...Object.keys(known), 'hw_machine_type', 'hw_qemu_guest_agent', 'hw_time_hpet'];

/** Of properties that were checked when the server was made; of others, and of newer ones, nothing. */
export function machineOf(properties: ImageProperties): Machine {
  const value = <Name extends keyof typeof known>(name: Name): (typeof known)[Name][number] | undefined =>
    (known[name] as readonly string[]).find((one) => one === properties[name]) as (typeof known)[Name][number];
  const type = properties.hw_machine_type ?? '';
  return {
    ...(value('hw_disk_bus') && { diskBus: value('hw_disk_bus') }),
    ...(value('hw_cdrom_bus') && { configDriveBus: value('hw_cdrom_bus') }),
    ...(value('hw_vif_model') && { interfaceModel: value('hw_vif_model') }),
    ...(value('hw_video_model') && { videoModel: value('hw_video_model') }),
    ...(machineTypes.test(type) && { type }),
    ...(value('hw_firmware_type') === 'uefi' && { isUefi: true }),
    ...(value('os_type') === 'windows' && { keepsLocalTime: true }),
    ...(isBoolean(properties.hw_time_hpet) && { hasHpet: isYes(properties.hw_time_hpet) }),
  };
}

/** What the image says as a flavor could, too, whose word is the last. */
export function specsWith(properties: ImageProperties, flavorSpecs: Specs): Specs {
  return { ...specsOf(properties), ...flavorSpecs };
}

/** Throws `BadRequest` for what the image wants and no host here can give, or what makes no sense. */
export function checkMachine(properties: ImageProperties, flavor: { extraSpecs: Specs; vcpus: number }): void {
  for (const [name, values] of Object.entries(known)) {
    const value = properties[name];
    if (value !== undefined && !(values as readonly string[]).includes(value))
      throw invalid(`${name} cannot be '${value}' here, but ${values.join(', ')}.`);
  }
  const type = properties.hw_machine_type;
  if (type !== undefined && !machineTypes.test(type))
    throw invalid(`hw_machine_type cannot be '${type}' here, but q35 or pc, or a version of them such as pc-q35-7.2.`);
  if (properties.hw_pointer_model === 'usbtablet' && properties.hw_input_bus !== 'virtio')
    throw invalid("hw_pointer_model cannot be 'usbtablet' here without hw_input_bus 'virtio': there is no USB.");
  const { hw_time_hpet: hpet } = properties;
  if (hpet !== undefined && !isBoolean(hpet)) throw invalid(`hw_time_hpet cannot be '${hpet}', but yes or no.`);
  const senseless = senselessRequirement(properties);
  if (senseless !== undefined) throw invalid(senseless);
  const specs = specsOf(properties);
  for (const [name, value] of Object.entries(specs)) validateImageSpec(name, value);
  const [first] = unhonouredSpecs(specs);
  if (first !== undefined) throw invalid(`no host here gives what ${first.replace('hw:', 'hw_')} asks for.`);
  const problem = tuningProblem(specsWith(properties, flavor.extraSpecs), flavor.vcpus);
  if (problem !== undefined) throw invalid(`it asks for ${problem}.`);
}

/**
 * Whether a disk of the image can be what a server is rescued from: a disk as those of the server are. Throws `BadRequest` in
 * Nova's words (nova/exception.py, `UnsupportedRescueDevice`, `UnsupportedRescueBus`).
 */
export function checkRescueDisk(properties: ImageProperties, ofServer: ImageProperties): void {
  const { hw_rescue_device: device = 'disk' } = properties;
  if (device !== 'disk') throw new BadRequest(`Requested rescue device '${device}' is not supported`);
  const { diskBus = 'virtio' } = machineOf(ofServer);
  const { hw_rescue_bus: bus = diskBus } = properties;
  if (bus !== diskBus)
    throw new BadRequest(`Requested rescue bus '${bus}' is not supported: the disks of the server are on ${diskBus}`);
}

function isBoolean(value: string | undefined): value is string {
  return value !== undefined && /^(1|0|t|f|true|false|on|off|y|n|yes|no)$/i.test(value);
}

function validateImageSpec(name: string, value: string): void {
  try {
    validateExtraSpec(name, value);
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    throw invalid(`${name.replace('hw:', 'hw_')}: ${error.message}`);
  }
}

/** Names that no extra spec has are for people, or for clouds that know more. */
function specsOf(properties: ImageProperties): Specs {
  const specs = Object.entries(properties)
    .filter(([name]) => name.startsWith('hw_') && !notSpecs.includes(name))
    .map(([name, value]) => [`hw:${name.slice(3)}`, value] as const)
    .filter(([name]) => hasForm(name));
  return Object.fromEntries(specs);
}

function hasForm(name: string): boolean {
  try {
    validateExtraSpec(name, '');
    return true;
  } catch (error) {
    return error instanceof BadRequest && !error.message.includes('does not appear to be a valid extra spec');
  }
}

function invalid(why: string): BadRequest {
  return new BadRequest(`Invalid image metadata. Error: ${why}`);
}
