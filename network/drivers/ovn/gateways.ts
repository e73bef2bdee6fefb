/** Which hosts can carry a router's leg on a physical network: those whose Open vSwitch maps that network to a bridge. */
import { createHash } from 'node:crypto';
import type { Southbound } from './columns.ts';
import type { Tables } from './replica.ts';

/**
 * Their chassis names, in an order that is always the same for a router and different between routers: so routers spread over
 * the hosts, and a host that comes or goes moves only its own (rendezvous hashing).
 */
export function gatewaysFor(tables: Tables<Southbound>, physicalNetwork: string, routerId: string): string[] {
  const able: string[] = [];
  for (const [, chassis] of tables.rows('Chassis')) {
    const mappings = chassis.other_config['ovn-bridge-mappings']?.split(',') ?? [];
    if (mappings.some((mapping) => mapping.split(':')[0]?.trim() === physicalNetwork)) able.push(chassis.name);
  }
  return inOrderOf(able, routerId);
}

export function inOrderOf(chassis: string[], routerId: string): string[] {
  const weight = (name: string) => createHash('sha256').update(`${routerId}\n${name}`).digest('hex');
  return chassis
    .map((name) => ({ name, weight: weight(name) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .map(({ name }) => name);
}
