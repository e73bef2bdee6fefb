/** Clouds with several stores. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { openFileStore } from './files/files.ts';
import { type Owner, ownerKey } from './owner.ts';
import type { ImageStore } from './store.ts';
import { type ImageStores, singleStore } from './stores.ts';

export interface TestStores {
  /** For `startTestCloud`. */
  settings: { imageStoresFile: string };
  directoryOf(id: string): string;
  /** Names of everything in a store but the mark of whose it is, sorted. */
  filesIn(id: string): Promise<string[]>;
}

/** Directories as stores: `default`, `second` and `third`, with what is said of them beyond that. */
export async function makeStores(
  t: Pick<ExecutionContext, 'teardown'>,
  more: { default?: object; second?: object; third?: object } = {},
): Promise<TestStores> {
  const root = await mkdtemp(join(tmpdir(), 'cirrostack-stores-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const directoryOf = (id: string) => join(root, id);
  const stores = (['default', 'second', 'third'] as const).map((id) => ({
    ...{ id, type: 'files', directory: directoryOf(id) },
    ...more[id],
  }));
  const imageStoresFile = join(root, 'stores.json');
  await writeFile(imageStoresFile, JSON.stringify({ stores }));
  return {
    settings: { imageStoresFile },
    directoryOf,
    filesIn: async (id) => (await readdir(directoryOf(id)).catch(() => [])).filter((name) => name !== ownerKey).sort(),
  };
}

/** A store of a cloud of its own, which knows what is said. */
export function ownerLike({ known = [], ...more }: { known?: string[] } & Partial<Omit<Owner, 'known'>> = {}): Owner {
  const owner = { cloudId: randomUUID(), storeId: 'far', isAtHome: false, ...more };
  return { ...owner, known: async () => new Set(known) };
}

/** The same stores for a loop of the test's own, some of them doing things differently. */
export function storesLike(
  { directoryOf }: TestStores,
  over: Record<string, (real: ImageStore) => Partial<ImageStore>> = {},
): ImageStores {
  const all = ['default', 'second', 'third'].map((id) => {
    const real = openFileStore(directoryOf(id));
    return singleStore({ ...real, ...over[id]?.(real) }, id).default;
  });
  return { all, default: all[0]! };
}
