import { createHash } from 'node:crypto';

/** A service clients can find: its type in the catalog and where it answers, with `{project_id}` where the URL has one. */
export interface CatalogService {
  type: string;
  name: string;
  path: string;
}

/** Forms as clients expect them: compute with its version and no project, image and network bare (see docs/compatibility.md). */
export const catalogServices: readonly CatalogService[] = [
  { type: 'identity', name: 'keystone', path: '/identity/v3' },
  { type: 'compute', name: 'nova', path: '/compute/v2.1' },
  { type: 'image', name: 'glance', path: '/image' },
  { type: 'network', name: 'neutron', path: '/network' },
  { type: 'application-container', name: 'zun', path: '/container/v1' },
];

const interfaces = ['admin', 'internal', 'public'] as const;

/** The catalog of a token. Ids are made from what they name, so that they are the same in every process and after every restart. */
export function catalogFor({ publicUrl, region }: { publicUrl: string; region: string }) {
  return catalogServices.map((service) => ({
    id: stableId(service.type),
    type: service.type,
    name: service.name,
    endpoints: interfaces.map((side) => ({
      id: stableId(`${service.type} ${side} ${region}`),
      interface: side,
      region,
      region_id: region,
      url: publicUrl + service.path,
    })),
  }));
}

export type Catalog = ReturnType<typeof catalogFor>;

function stableId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
