/** `trait:NAME=required` and `=forbidden`, of flavors and images, against the traits of a host. Pure. */

const scope = /^trait[a-zA-Z0-9_-]{0,64}:/;

/** The first that is not as wanted, in words. */
export function unmetTrait(traits: readonly string[], wanted: Readonly<Record<string, string>>): string | undefined {
  for (const [name, value] of Object.entries(wanted)) {
    if (!scope.test(name)) continue;
    const trait = name.slice(name.indexOf(':') + 1);
    if (value === 'required' && !traits.includes(trait)) return `without the trait ${trait}`;
    if (value === 'forbidden' && traits.includes(trait)) return `with the trait ${trait}`;
  }
  return undefined;
}

/** What every host says of itself, by the names of os-traits, as far as it is so. */
export function ownTraits(host: { architecture: string; isDisabled: boolean }): string[] {
  const architecture = { x86_64: 'HW_ARCH_X86_64', aarch64: 'HW_ARCH_AARCH64' }[host.architecture];
  return [
    'COMPUTE_NODE',
    'COMPUTE_IMAGE_TYPE_QCOW2',
    'COMPUTE_IMAGE_TYPE_RAW',
    ...(architecture === undefined ? [] : [architecture]),
    ...(host.isDisabled ? ['COMPUTE_STATUS_DISABLED'] : []),
  ];
}

/** Those of os-traits that mean something here; more are made by administrators, beginning with CUSTOM_. */
export const standardTraits = [
  'COMPUTE_IMAGE_TYPE_QCOW2',
  'COMPUTE_IMAGE_TYPE_RAW',
  'COMPUTE_NODE',
  'COMPUTE_STATUS_DISABLED',
  'HW_ARCH_AARCH64',
  'HW_ARCH_X86_64',
] as const;
