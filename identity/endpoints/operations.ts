import type { Knex } from '../../common/database/database.ts';
import { parseUrlTemplate } from '../catalog/url-template.ts';
import { ensureRegion } from '../regions/store.ts';
import { type Endpoint, insertEndpoint, updateEndpoint } from './store.ts';

/** Which region: one that has to be there, or (the attribute `region` of older clients) one that is made if it is not. */
export type RegionReference = { id: string | null } | { ensured: string };

type Changes = Partial<Omit<Endpoint, 'id' | 'regionId'>> & { region?: RegionReference | undefined };

/** Throws `BadRequest` for a URL that is no template, and for a service or region that is not there. */
export async function createEndpoint(
  { db }: { db: Knex },
  { region, ...asked }: Changes & Omit<Endpoint, 'id' | 'regionId'>,
): Promise<Endpoint> {
  parseUrlTemplate(asked.url);
  return db.transaction(async (trx) =>
    insertEndpoint(trx, { ...asked, regionId: (await regionIdOf(trx, region)) ?? null }),
  );
}

/** Throws as `createEndpoint`. */
export async function changeEndpoint(
  { db }: { db: Knex },
  id: string,
  { region, ...changes }: Changes,
): Promise<Endpoint> {
  if (changes.url !== undefined) parseUrlTemplate(changes.url);
  return db.transaction(async (trx) => {
    const regionId = await regionIdOf(trx, region);
    return updateEndpoint(trx, id, { ...changes, ...(regionId !== undefined && { regionId }) });
  });
}

async function regionIdOf(trx: Knex, region: RegionReference | undefined): Promise<string | null | undefined> {
  if (region === undefined) return undefined;
  if ('id' in region) return region.id;
  await ensureRegion(trx, region.ensured);
  return region.ensured;
}
