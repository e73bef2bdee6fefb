/** What images ask of the hypervisor under them, by the names of today and the older ones (nova/objects/image_meta.py). Pure. */

type Properties = Readonly<Record<string, string>>;

export interface Hypervisor {
  architecture: string;
  /** `QEMU` */
  hypervisorType: string;
  /** 7002000 is 7.2.0. */
  hypervisorVersion: number;
  /** `kvm` where its processors run guests themselves. */
  virtualisation: string;
}

const olderNames = {
  hw_architecture: 'architecture',
  img_hv_type: 'hypervisor_type',
  img_hv_requested_version: 'hypervisor_version_requires',
  hw_vm_mode: 'vm_mode',
} as const;
type Name = keyof typeof olderNames;

const architectures =
  'alpha armv6 armv7l armv7b aarch64 cris i686 ia64 lm32 m68k microblaze microblazeel mips mipsel mips64 mips64el openrisc parisc parisc64 ppc ppcle ppc64 ppc64le ppcemb s390 s390x sh4 sh4eb sparc sparc64 unicore32 x86_64 xtensa xtensaeb';
const hypervisors =
  'baremetal bhyve docker fake hyperv ironic kqemu kvm lxc lxd openvz parallels phyp prsm qemu test uml vbox vmware vz xen zvm';

/** What each may be, and what some of that was once called. */
const words: Readonly<Record<Exclude<Name, 'img_hv_requested_version'>, [known: string, aliases: Properties]>> = {
  hw_architecture: [
    architectures,
    { i386: 'i686', i486: 'i686', i586: 'i686', x86_32: 'i686', x86_32p: 'i686', amd64: 'x86_64' },
  ],
  img_hv_type: [hypervisors, { xapi: 'xen' }],
  hw_vm_mode: ['hvm xen uml exe', { pv: 'xen', hv: 'hvm', baremetal: 'hvm' }],
};
const wordNames = Object.keys(words) as (keyof typeof words)[];

/** The first that no hypervisor of any kind could meet, in words: a mistake of whoever made the image. */
export function senselessRequirement(properties: Properties): string | undefined {
  for (const name of wordNames) {
    const value = wordOf(properties, name);
    if (value !== undefined && !words[name][0].split(' ').includes(value)) return `${name} cannot be '${value}'.`;
  }
  const versions = propertyOf(properties, 'img_hv_requested_version');
  if (versions !== undefined && predicatesOf(versions) === undefined)
    return `img_hv_requested_version cannot be '${versions}', but versions such as '>=6.0,<9'.`;
  return undefined;
}

/** The first that the hypervisor is not, in words. */
export function unmetRequirement(hypervisor: Hypervisor, properties: Properties): string | undefined {
  const has = {
    hw_architecture: hypervisor.architecture === 'x86_64' ? ['x86_64', 'i686'] : [hypervisor.architecture],
    img_hv_type: [...new Set([hypervisor.hypervisorType.toLowerCase(), ...kvm(hypervisor)])],
    hw_vm_mode: ['hvm'],
  };
  for (const name of wordNames) {
    const value = wordOf(properties, name);
    if (value !== undefined && !has[name].includes(value))
      return `${name} ${value}, and the host has ${has[name].join(', ')}`;
  }
  const versions = propertyOf(properties, 'img_hv_requested_version');
  const version = versionOf(hypervisor.hypervisorVersion);
  if (versions === undefined || predicatesOf(versions)?.every((isMet) => isMet(version))) return undefined;
  return `img_hv_requested_version ${versions}, and the host has ${version.join('.')}`;
}

const kvm = ({ virtualisation }: Hypervisor) => (virtualisation === 'kvm' ? ['kvm'] : []);

function propertyOf(properties: Properties, name: Name): string | undefined {
  return properties[name] ?? properties[olderNames[name]];
}

function wordOf(properties: Properties, name: keyof typeof words): string | undefined {
  const value = propertyOf(properties, name)?.toLowerCase();
  if (value === undefined) return undefined;
  const [, aliases] = words[name];
  return Object.hasOwn(aliases, value) ? aliases[value] : value;
}

const versionOf = (version: number) => [1_000_000, 1000, 1].map((unit) => Math.floor(version / unit) % 1000);

const comparisons: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '>=': (order) => order >= 0,
  '>': (order) => order > 0,
};

/** Of `>=6.0, <9`; undefined where that is not its form. */
function predicatesOf(text: string): ((version: number[]) => boolean)[] | undefined {
  const predicates: ((version: number[]) => boolean)[] = [];
  for (const one of text.split(',')) {
    const [, operator = '', wanted = ''] = /^\s*(<=|>=|<|>|!=|==)\s*(\d{1,9}(?:\.\d{1,9}){0,3})\s*$/.exec(one) ?? [];
    const compare = comparisons[operator];
    if (compare === undefined) return undefined;
    predicates.push((version) => compare(orderOf(version, wanted.split('.').map(Number))));
  }
  return predicates;
}

function orderOf(version: readonly number[], other: readonly number[]): number {
  for (let i = 0; i < Math.max(version.length, other.length); i += 1) {
    const difference = (version[i] ?? 0) - (other[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
