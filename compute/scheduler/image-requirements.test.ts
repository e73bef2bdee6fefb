import test from 'ava';
import { type Hypervisor, senselessRequirement, unmetRequirement } from './image-requirements.ts';

const kvm: Hypervisor = {
  architecture: 'x86_64',
  hypervisorType: 'QEMU',
  hypervisorVersion: 7_002_000,
  virtualisation: 'kvm',
};

test('a hypervisor is asked what the image says, by the names of today and the older ones', (t) => {
  const met: Record<string, string>[] = [
    {},
    { hw_architecture: 'x86_64', img_hv_type: 'kvm', hw_vm_mode: 'hvm' },
    { architecture: 'AMD64', hypervisor_type: 'qemu', vm_mode: 'HV' },
    { hw_architecture: 'i386' },
    { hw_architecture: 'x86_64', architecture: 'aarch64' },
    { img_hv_requested_version: '>=6.0, <9' },
    { hypervisor_version_requires: '==7.2' },
    { hw_disk_bus: 'virtio', constructor: 'x' },
  ];
  for (const properties of met) {
    t.is(unmetRequirement(kvm, properties), undefined, JSON.stringify(properties));
    t.is(senselessRequirement(properties), undefined, JSON.stringify(properties));
  }
  const unmet: [Record<string, string>, string][] = [
    [{ hw_architecture: 'aarch64' }, 'hw_architecture aarch64, and the host has x86_64, i686'],
    [{ architecture: 'ppc64le' }, 'hw_architecture ppc64le, and the host has x86_64, i686'],
    [{ hypervisor_type: 'hyperv' }, 'img_hv_type hyperv, and the host has qemu, kvm'],
    [{ img_hv_type: 'xapi' }, 'img_hv_type xen, and the host has qemu, kvm'],
    [{ vm_mode: 'pv' }, 'hw_vm_mode xen, and the host has hvm'],
    [{ img_hv_requested_version: '>=7.0,<7.2' }, 'img_hv_requested_version >=7.0,<7.2, and the host has 7.2.0'],
    [{ img_hv_requested_version: '>7.2.0' }, 'img_hv_requested_version >7.2.0, and the host has 7.2.0'],
  ];
  for (const [properties, why] of unmet) {
    t.is(unmetRequirement(kvm, properties), why);
    t.is(senselessRequirement(properties), undefined, why);
  }
  t.is(
    unmetRequirement({ ...kvm, virtualisation: 'tcg' }, { img_hv_type: 'kvm' }),
    'img_hv_type kvm, and the host has qemu',
  );
});

test('what no hypervisor could be is a mistake of whoever made the image', (t) => {
  const senseless: Record<string, string>[] = [
    { hw_architecture: 'z80' },
    { architecture: '' },
    { img_hv_type: 'constructor' },
    { hw_vm_mode: 'fast' },
    { img_hv_requested_version: '7' },
    { hypervisor_version_requires: '>=7,' },
    { img_hv_requested_version: '>=latest' },
  ];
  for (const properties of senseless)
    t.regex(senselessRequirement(properties) ?? '', /cannot be '/, JSON.stringify(properties));
});
