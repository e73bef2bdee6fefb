/** The devices of a guest. */
import { flavorAndImage, image, volume, yesOrNo } from './applies.ts';
import type { ShippedNamespace } from './shipped.ts';

export const guestHardware: ShippedNamespace[] = [
  {
    namespace: 'OS::Compute::LibvirtImage',
    displayName: 'Devices of the Guest',
    description: 'Which devices a guest made of the image gets, so that it has the drivers for them.',
    appliesTo: [image, volume],
    properties: {
      hw_disk_bus: {
        type: 'string',
        title: 'Disk Bus',
        description: 'What disks are attached to. virtio is the fastest; older systems know ide or sata only.',
        enum: ['virtio', 'scsi', 'sata', 'ide', 'usb'],
      },
      hw_cdrom_bus: {
        type: 'string',
        title: 'CD-ROM Bus',
        description: 'What CD-ROM drives are attached to.',
        enum: ['sata', 'ide', 'scsi', 'usb'],
      },
      hw_scsi_model: {
        type: 'string',
        title: 'SCSI Controller',
        description: 'The controller of disks on the bus scsi.',
        enum: ['virtio-scsi', 'lsilogic', 'lsisas1078', 'auto'],
        default: 'virtio-scsi',
      },
      hw_vif_model: {
        type: 'string',
        title: 'Network Device',
        description: 'The device of each port. virtio is the fastest; the others are of real cards.',
        enum: ['virtio', 'e1000', 'e1000e', 'ne2k_pci', 'pcnet', 'rtl8139'],
      },
      hw_vif_multiqueue_enabled: {
        ...yesOrNo,
        title: 'Several Queues per Port',
        description: 'Whether a port has as many queues as the guest has CPUs.',
      },
      hw_video_model: {
        type: 'string',
        title: 'Video Device',
        description: 'The graphics card that the guest sees.',
        enum: ['virtio', 'vga', 'cirrus', 'qxl', 'bochs', 'none'],
      },
      hw_video_ram: {
        type: 'integer',
        minimum: 0,
        title: 'Video Memory',
        description: 'Of the graphics card, in MiB; a flavor may set a lower limit.',
      },
      hw_pointer_model: {
        type: 'string',
        title: 'Pointer Device',
        description: 'A tablet follows the pointer exactly on a graphical console.',
        enum: ['usbtablet'],
      },
      hw_rng_model: {
        type: 'string',
        title: 'Random Number Device',
        description: 'The device that gives the guest random numbers of the host.',
        enum: ['virtio'],
        default: 'virtio',
      },
      hw_machine_type: {
        type: 'string',
        title: 'Machine Type',
        description: 'The machine that QEMU emulates, such as q35 or pc.',
      },
      hw_firmware_type: {
        type: 'string',
        title: 'Firmware',
        description: 'What starts the guest.',
        enum: ['bios', 'uefi'],
      },
      hw_qemu_guest_agent: {
        ...yesOrNo,
        title: 'QEMU Guest Agent',
        description:
          'Whether the image runs qemu-guest-agent, through which the host can ask the guest to freeze its disks.',
      },
      os_require_quiesce: {
        ...yesOrNo,
        title: 'Snapshots of Frozen Disks Only',
        description: 'Whether a snapshot fails when the guest agent cannot freeze the disks.',
      },
      os_command_line: {
        type: 'string',
        title: 'Kernel Command Line',
        description: 'For images with a kernel of their own (kernel_id), instead of the default.',
      },
    },
  },
  {
    namespace: 'OS::Compute::Libvirt',
    displayName: 'Boot Menu and Serial Ports',
    description: 'Small things of a guest’s machine that both flavors and images can say.',
    appliesTo: [...flavorAndImage],
    properties: {
      serial_port_count: {
        type: 'integer',
        minimum: 0,
        title: 'Serial Ports',
        description: 'How many serial ports the guest has. An image may ask for fewer than its flavor allows.',
      },
      boot_menu: {
        type: 'string',
        enum: ['true', 'false'],
        title: 'Boot Menu',
        description: 'Whether the firmware offers a menu of devices to boot from.',
      },
    },
  },
  {
    namespace: 'OS::Compute::Watchdog',
    displayName: 'Watchdog',
    description: 'A device that notices when the guest hangs: its system has to feed it.',
    appliesTo: [...flavorAndImage],
    properties: {
      watchdog_action: {
        type: 'string',
        title: 'Watchdog Action',
        description: 'What happens to a guest that hangs. none: it is only noted. disabled: there is no such device.',
        enum: ['disabled', 'none', 'reset', 'poweroff', 'pause'],
      },
    },
  },
  {
    namespace: 'OS::Compute::TPM',
    displayName: 'Trusted Platform Module',
    description: 'An emulated security chip for keys and measurements.',
    appliesTo: [...flavorAndImage],
    properties: {
      tpm_model: {
        type: 'string',
        title: 'Model',
        description: 'The interface that the guest’s drivers see.',
        enum: ['tpm-tis', 'tpm-crb'],
        default: 'tpm-tis',
      },
      tpm_version: {
        type: 'string',
        title: 'Version',
        description: 'The specification that it follows; tpm-crb needs 2.0.',
        enum: ['1.2', '2.0'],
      },
    },
  },
  {
    namespace: 'OS::Compute::RandomNumberGenerator',
    displayName: 'Random Number Generator',
    description: 'How much of the host’s randomness a guest may take.',
    appliesTo: [{ name: 'OS::Nova::Flavor' }],
    objects: [
      {
        name: 'Random Number Generator',
        description: 'Whether guests have the device, and how fast it gives.',
        properties: {
          'hw_rng:allowed': {
            type: 'boolean',
            title: 'Allowed',
            description: 'Whether guests have the device at all.',
          },
          'hw_rng:rate_bytes': {
            type: 'integer',
            minimum: 1,
            title: 'Bytes per Period',
            description: 'The most bytes that a guest gets in one period.',
          },
          'hw_rng:rate_period': {
            type: 'integer',
            minimum: 1,
            title: 'Period',
            description: 'In milliseconds.',
          },
        },
      },
    ],
  },
];
