/** How much of its host a guest may use. */
import type { PropertySchema } from '../definition.ts';
import type { ShippedNamespace } from './shipped.ts';

const amount = (title: string, description: string, bounds: { minimum?: number; maximum?: number } = {}) =>
  ({ type: 'integer', minimum: 0, ...bounds, title, description }) satisfies PropertySchema;

export const quotas: ShippedNamespace[] = [
  {
    namespace: 'OS::Compute::Quota',
    displayName: 'Flavor Quota',
    description: 'Limits on the CPU time, the disk traffic and the network traffic of each guest of a flavor.',
    appliesTo: [{ name: 'OS::Nova::Flavor' }],
    objects: [
      {
        name: 'CPU Limits',
        description: 'How much CPU time guests get.',
        properties: {
          'quota:cpu_shares': amount(
            'CPU Shares',
            'The weight among the guests of a host: twice the number, twice the time.',
          ),
          'quota:cpu_period': amount('CPU Period', 'In microseconds; the quota is for one of them.', {
            minimum: 1000,
            maximum: 1_000_000,
          }),
          'quota:cpu_quota': amount(
            'CPU Quota',
            'Microseconds of CPU time that each virtual CPU gets in one period. Less than 0: without a limit.',
            { minimum: -1 },
          ),
        },
      },
      {
        name: 'Disk QoS',
        description: 'Limits on the traffic of each disk. A total goes without limits on reads and writes.',
        properties: {
          'quota:disk_read_bytes_sec': amount('Reads, Bytes', 'Bytes read in a second.'),
          'quota:disk_read_iops_sec': amount('Reads', 'Reads in a second.'),
          'quota:disk_write_bytes_sec': amount('Writes, Bytes', 'Bytes written in a second.'),
          'quota:disk_write_iops_sec': amount('Writes', 'Writes in a second.'),
          'quota:disk_total_bytes_sec': amount('All, Bytes', 'Bytes read and written in a second.'),
          'quota:disk_total_iops_sec': amount('All', 'Reads and writes in a second.'),
        },
      },
      {
        name: 'Virtual Interface QoS',
        description: 'Limits on the traffic of each port.',
        properties: {
          'quota:vif_inbound_average': amount('Inbound Average', 'KiB received in a second, on the average.'),
          'quota:vif_inbound_peak': amount('Inbound Peak', 'KiB received in a second, at most.'),
          'quota:vif_inbound_burst': amount('Inbound Burst', 'KiB that may be received at the peak rate.'),
          'quota:vif_outbound_average': amount('Outbound Average', 'KiB sent in a second, on the average.'),
          'quota:vif_outbound_peak': amount('Outbound Peak', 'KiB sent in a second, at most.'),
          'quota:vif_outbound_burst': amount('Outbound Burst', 'KiB that may be sent at the peak rate.'),
        },
      },
    ],
  },
];
