import { ensureRepository } from '../../../image/registry/content/repositories.ts';
import type { Making } from '../things.ts';

/** As the first push into each makes them; no registry server runs here. */
export async function makeRegistryThings({ cloud, owner, mark }: Making) {
  const make = async (name: string) => (await ensureRepository(cloud.db, owner.projectId, `${name}-${mark}`))!.id;
  return { registryRepository: await make('app'), spareRegistryRepository: await make('spare') };
}
