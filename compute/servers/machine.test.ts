import test from 'ava';
import { BadRequest } from '../../common/errors.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { prepareCompute, uploadImage } from '../testing.ts';
import { checkMachine, checkRescueDisk, machineOf, specsWith } from './machine.ts';

const flavor = { extraSpecs: {}, vcpus: 2 };

test('properties of an image become its machine, and what nobody knows means nothing', (t) => {
  t.deepEqual(machineOf({}), {});
  t.deepEqual(machineOf({ hw_disk_bus: 'ide', hw_machine_type: 'none', hw_unknown: 'x', os_type: 'beos' }), {});
  const properties = {
    hw_disk_bus: 'scsi',
    hw_scsi_model: 'virtio-scsi',
    hw_cdrom_bus: 'sata',
    hw_vif_model: 'e1000',
    hw_video_model: 'cirrus',
    hw_machine_type: 'pc-q35-7.2',
    hw_firmware_type: 'uefi',
    hw_boot_menu: 'yes',
    hw_pointer_model: 'usbtablet',
    hw_input_bus: 'virtio',
    hw_time_hpet: 'True',
    hw_cpu_sockets: '2',
    hw_unknown: 'x',
    os_type: 'windows',
    os_distro: 'windows',
  };
  t.notThrows(() => checkMachine(properties, flavor));
  t.deepEqual(machineOf(properties), {
    diskBus: 'scsi',
    configDriveBus: 'sata',
    interfaceModel: 'e1000',
    videoModel: 'cirrus',
    type: 'pc-q35-7.2',
    isUefi: true,
    keepsLocalTime: true,
    hasHpet: true,
  });
  t.deepEqual(specsWith(properties, { 'hw:boot_menu': 'no' }), { 'hw:boot_menu': 'no', 'hw:cpu_sockets': '2' });
});

test('what no host gives is refused, and says what there is', (t) => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ hw_disk_bus: 'ide' }, /hw_disk_bus cannot be 'ide' here, but virtio, scsi, sata/],
    [{ hw_vif_model: '' }, /hw_vif_model/],
    [{ hw_machine_type: 'q35,accel=kvm' }, /hw_machine_type/],
    [{ hw_rng_model: 'tpm' }, /hw_rng_model/],
    [{ os_secure_boot: 'required' }, /os_secure_boot/],
    [{ hw_cpu_policy: 'dedicated' }, /hw_cpu_policy=dedicated/],
    [{ hw_cpu_policy: 'nonsense' }, /hw_cpu_policy: /],
    [{ hw_mem_page_size: 'large' }, /hw_mem_page_size=large/],
    [{ hw_serial_port_count: '3' }, /hw_serial_port_count=3/],
    [{ hw_cpu_sockets: '3' }, /sockets, cores and threads/],
    [{ hw_input_bus: 'usb' }, /hw_input_bus cannot be 'usb' here, but virtio/],
    [{ hw_pointer_model: 'usbtablet' }, /hw_pointer_model .*there is no USB/],
    [{ hw_time_hpet: 'maybe' }, /hw_time_hpet/],
    [{ hw_vm_mode: 'fast' }, /hw_vm_mode/],
  ];
  for (const [properties, message] of cases)
    t.throws(() => checkMachine(properties, flavor), { instanceOf: BadRequest, message });
});

test('a server is rescued from a disk as its own are, and from nothing else that an image may be', (t) => {
  t.notThrows(() => checkRescueDisk({}, {}));
  t.notThrows(() => checkRescueDisk({ hw_rescue_device: 'disk', hw_rescue_bus: 'virtio' }, {}));
  t.notThrows(() => checkRescueDisk({ hw_rescue_bus: 'scsi' }, { hw_disk_bus: 'scsi' }));
  const message = /^Requested rescue (device|bus) '/;
  for (const [image, server] of [
    [{ hw_rescue_device: 'cdrom' }, {}],
    [{ hw_rescue_bus: 'usb' }, {}],
    [{ hw_rescue_bus: 'virtio' }, { hw_disk_bus: 'sata' }],
  ] as [Record<string, string>, Record<string, string>][])
    t.throws(() => checkRescueDisk(image, server), { instanceOf: BadRequest, message });
});

test('a server gets the machine of its image, and another one when it is rebuilt', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, host } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const scsi = await uploadImage(t, cloud, { hw_disk_bus: 'scsi', hw_watchdog_action: 'reset' });
  const strange = await uploadImage(t, cloud, { hw_disk_bus: 'xen' });
  const refused = { name: 'w', imageRef: strange, flavorRef: 'tiny' };
  const { badRequest } = await member.post('/compute/v2.1/servers', { server: refused }, 400);
  t.regex(badRequest.message, /^Invalid image metadata\. Error: hw_disk_bus cannot be 'xen'/);
  const id = await createServer({ imageRef: scsi });
  await cloud.settle();
  t.like(host.servers.get(id)?.spec, { machine: { diskBus: 'scsi' }, tuning: { watchdog: 'reset' } });
  const act = (imageRef: string, status: number) =>
    member.post(`/compute/v2.1/servers/${id}/action`, { rebuild: { imageRef } }, status);
  await act(strange, 400);
  const plain = await uploadImage(t, cloud);
  await act(plain, 202);
  const disc = await uploadImage(t, cloud, { hw_rescue_device: 'cdrom' });
  await cloud.settle();
  t.deepEqual(host.servers.get(id)?.spec.machine, {});
  const rescue = { rescue: { rescue_image_ref: disc } };
  const unsupported = await member.post(`/compute/v2.1/servers/${id}/action`, rescue, 400);
  t.is(unsupported.badRequest.message, "Requested rescue device 'cdrom' is not supported");
});
