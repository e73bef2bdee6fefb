/** Virtual processors and memory. */
import type { PropertySchema } from '../definition.ts';
import { flavorAndImage } from './applies.ts';
import type { ShippedNamespace } from './shipped.ts';

const atLeastOne = (title: string, description: string): PropertySchema => ({
  type: 'integer',
  minimum: 1,
  title,
  description,
});

export const processors: ShippedNamespace[] = [
  {
    namespace: 'OS::Compute::CPUPinning',
    displayName: 'CPU Pinning',
    description: 'Whether virtual CPUs have physical ones of their own.',
    appliesTo: [...flavorAndImage],
    properties: {
      cpu_policy: {
        type: 'string',
        title: 'CPU Pinning Policy',
        description: 'shared: virtual CPUs float over the host’s. dedicated: each has one to itself. mixed: some have.',
        enum: ['shared', 'dedicated', 'mixed'],
      },
      cpu_thread_policy: {
        type: 'string',
        title: 'CPU Thread Policy',
        description:
          'Of dedicated CPUs, what becomes of sibling threads. prefer: used if there are any. isolate: kept idle. require: needed.',
        enum: ['prefer', 'isolate', 'require'],
      },
    },
  },
  {
    namespace: 'OS::Compute::VirtCPUTopology',
    displayName: 'Virtual CPU Topology',
    description: 'How virtual CPUs look to the guest. Some systems are licensed by the socket.',
    appliesTo: [...flavorAndImage],
    properties: {
      cpu_sockets: atLeastOne('CPU Sockets', 'How many sockets the guest should see.'),
      cpu_cores: atLeastOne('CPU Cores', 'How many cores each socket should have.'),
      cpu_threads: atLeastOne('CPU Threads', 'How many threads each core should have.'),
      cpu_max_sockets: atLeastOne('Most CPU Sockets', 'The most sockets that the guest can use.'),
      cpu_max_cores: atLeastOne('Most CPU Cores', 'The most cores in a socket that the guest can use.'),
      cpu_max_threads: atLeastOne('Most CPU Threads', 'The most threads in a core that the guest can use.'),
    },
  },
  {
    namespace: 'OS::Compute::GuestMemoryBacking',
    displayName: 'Guest Memory Backing',
    description: 'What kind of the host’s memory a guest’s memory is made of.',
    appliesTo: [...flavorAndImage],
    properties: {
      mem_page_size: {
        type: 'string',
        title: 'Size of Memory Page',
        description:
          'small, large or any of what the host has, or a size: a number of KiB, or one with a unit such as 2MB or 1GB.',
        pattern: '^(small|large|any|[1-9][0-9]*([kKMG]i?[bB]|[kKMG])?)$',
      },
    },
  },
];
