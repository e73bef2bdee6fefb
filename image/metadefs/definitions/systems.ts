/** What is on an image. */
import { image, volume, yesOrNo } from './applies.ts';
import type { ShippedNamespace } from './shipped.ts';

export const systems: ShippedNamespace[] = [
  {
    namespace: 'OS::OperatingSystem',
    displayName: 'Operating System',
    description: 'Which system an image holds.',
    appliesTo: [image, volume],
    properties: {
      os_type: {
        type: 'string',
        title: 'Type of System',
        description: 'Guests are given devices and a clock that suit it.',
        enum: ['linux', 'windows'],
      },
      os_distro: {
        type: 'string',
        title: 'Distribution',
        description: 'Its short name in small letters, as libosinfo has it.',
        operators: ['<or>'],
        enum: [
          ...['almalinux', 'alpine', 'arch', 'centos', 'cirros', 'debian', 'fedora', 'fedora-coreos', 'flatcar'],
          ...['freebsd', 'gentoo', 'netbsd', 'openbsd', 'opensuse', 'rhel', 'rocky', 'sles', 'ubuntu', 'windows'],
        ],
      },
      os_version: {
        type: 'string',
        title: 'Version',
        description: 'As its distributor writes it, such as 12 or 24.04.',
      },
      os_admin_user: {
        type: 'string',
        title: 'Administrator',
        description: 'The user that can log in first.',
      },
    },
  },
  {
    namespace: 'OS::Glance::CommonImageProperties',
    displayName: 'Common Image Properties',
    description: 'What many images say of themselves.',
    appliesTo: [image, volume],
    properties: {
      architecture: {
        type: 'string',
        title: 'CPU Architecture',
        description: 'Guests run on hosts that have or emulate it.',
        operators: ['<or>'],
        enum: ['x86_64', 'i686', 'aarch64', 'armv7l', 'ppc64le', 'riscv64', 's390x'],
      },
      kernel_id: {
        type: 'string',
        title: 'Kernel',
        description: 'The id of the image whose data is the kernel (disk_format aki).',
        pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
      },
      ramdisk_id: {
        type: 'string',
        title: 'Ramdisk',
        description: 'The id of the image whose data is the initial ramdisk (disk_format ari).',
        pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
      },
      instance_uuid: {
        type: 'string',
        title: 'Server',
        description: 'The id of the server that the image is a snapshot of.',
      },
      description: {
        type: 'string',
        title: 'Description',
        description: 'What the image is for, in the words of who made it.',
      },
      img_config_drive: {
        type: 'string',
        title: 'Config Drive',
        description: 'Whether guests need a disk with their configuration.',
        enum: ['mandatory', 'optional'],
      },
    },
  },
  {
    namespace: 'OS::Compute::Hypervisor',
    displayName: 'Hypervisor',
    description: 'Which hosts guests of an image can run on.',
    appliesTo: [image, volume],
    properties: {
      img_hv_type: {
        type: 'string',
        title: 'Hypervisor',
        description: 'What the image was made for.',
        enum: ['kvm', 'qemu', 'docker'],
      },
      hw_vm_mode: {
        type: 'string',
        title: 'Kind of Machine',
        description: 'hvm: a whole machine. exe: programs on the host’s kernel.',
        enum: ['hvm', 'exe'],
      },
      img_hide_hypervisor_id: {
        ...yesOrNo,
        title: 'Hide the Hypervisor',
        description: 'Whether guests are not told that they are virtual; some drivers refuse to work when they are.',
      },
    },
  },
  {
    namespace: 'OS::Compute::GuestShutdownBehavior',
    displayName: 'Shutdown Behavior',
    description: 'How guests of an image are stopped.',
    appliesTo: [image, volume],
    properties: {
      os_shutdown_timeout: {
        type: 'integer',
        minimum: 0,
        title: 'Time to Shut Down',
        description: 'Seconds that a guest has to shut down before it is switched off.',
      },
    },
  },
];
