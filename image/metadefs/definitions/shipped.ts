/**
 * The definitions that every cloud begins with, under the names that forms and people know from Glance. A property says what a
 * value asks for; which of them the compute service follows is in docs/compatibility.md.
 */
import type { PropertySchema } from '../definition.ts';
import { guestHardware } from './guest-hardware.ts';
import { processors } from './processors.ts';
import { quotas } from './quotas.ts';
import { systems } from './systems.ts';

export interface ShippedNamespace {
  namespace: string;
  displayName: string;
  description: string;
  appliesTo: { name: ResourceType; prefix?: string; propertiesTarget?: string }[];
  properties?: Record<string, PropertySchema>;
  objects?: { name: string; description: string; properties: Record<string, PropertySchema> }[];
}

/** As Heat names them. */
export const shippedResourceTypes = [
  'OS::Cinder::Volume',
  'OS::Glance::Image',
  'OS::Nova::Aggregate',
  'OS::Nova::Flavor',
  'OS::Nova::Server',
] as const;
type ResourceType = (typeof shippedResourceTypes)[number];

export const shippedNamespaces: ShippedNamespace[] = [...processors, ...guestHardware, ...quotas, ...systems];
