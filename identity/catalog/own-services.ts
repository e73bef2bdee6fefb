import { createHash } from 'node:crypto';
import type { Knex } from '../../common/database/database.ts';
import { interfaces } from '../endpoints/store.ts';
import { ensureRegion } from '../regions/store.ts';

/** A service of ours: its type in the catalog and where it answers below the public URL. */
interface OwnService {
  type: string;
  name: string;
  path: string;
}

/** Forms as clients expect them: compute with its version and no project, image and network bare (see docs/compatibility.md). */
export const ownServices: readonly OwnService[] = [
  { type: 'identity', name: 'keystone', path: '/identity/v3' },
  { type: 'compute', name: 'nova', path: '/compute/v2.1' },
  { type: 'image', name: 'glance', path: '/image' },
  { type: 'network', name: 'neutron', path: '/network' },
  { type: 'placement', name: 'placement', path: '/placement' },
  { type: 'application-container', name: 'zun', path: '/container/v1' },
  { type: 'container', name: 'zun', path: '/container/v1' }, // what Zun's own tests look for
];

/** Where this cloud answers, by its configuration. */
export interface Location {
  publicUrl: string;
  region: string;
}

/**
 * Makes the catalog say what the configuration says of our own services: they and their endpoints are there, with their
 * type, interface, region and URL; those that are ours no longer are gone. What an operator may say of them (name,
 * description, enabled) and whatever else is in the catalog stays. Writes nothing when nothing differs.
 */
export async function ensureOwnServices(db: Knex, { publicUrl, region }: Location): Promise<void> {
  const services = ownServices.map(({ type, name }) => ({ id: stableId(type), type, name, is_ours: true }));
  const endpoints = ownServices.flatMap(({ type, path }) =>
    interfaces.map((side) => ({
      id: stableId(`${type} ${side}`),
      service_id: stableId(type),
      region_id: region,
      interface: side,
      url: publicUrl.replaceAll('%', '%%') + path,
      is_ours: true,
    })),
  );
  await db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(hashtext(?))', ['identity catalog']);
    await ensureRegion(trx, region);
    await removeOthers(trx, 'services', services);
    await put(trx, 'services', services, ['type']);
    await removeOthers(trx, 'endpoints', endpoints);
    await put(trx, 'endpoints', endpoints, ['service_id', 'region_id', 'interface', 'url']);
  });
}

/** Adds what is missing, and sets `columns` where they differ. */
async function put(trx: Knex, table: string, rows: { id: string }[], columns: readonly string[]): Promise<void> {
  const current = await trx(table).select('id', ...columns);
  const isSame = (row: Record<string, unknown>) =>
    current.some((one) => one.id === row.id && columns.every((column) => one[column] === row[column]));
  const different = rows.filter((row) => !isSame({ ...row }));
  if (different.length > 0)
    await trx(table)
      .insert(different)
      .onConflict('id')
      .merge([...columns]);
}

async function removeOthers(trx: Knex, table: string, rows: { id: string }[]): Promise<void> {
  const gone = await trx(table)
    .where({ is_ours: true })
    .whereNotIn(
      'id',
      rows.map(({ id }) => id),
    )
    .pluck('id');
  if (gone.length > 0) await trx(table).whereIn('id', gone).delete();
}

/** Made from what it names, so that it is the same in every cloud and after every restart. */
export function stableId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
