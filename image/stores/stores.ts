/** The stores of a cloud: which there are, which one is meant, and which copy to read. */
import type { Readable } from 'node:stream';
import { BadRequest, CloudError, Unavailable } from '../../common/errors.ts';
import { type ByteRange, DataMissing, type ImageStore } from './store.ts';

/** A store under the name that clients and rows know it by. */
export interface NamedStore {
  id: string;
  /** For people; may be empty. */
  description: string;
  type: 'files' | 's3' | 'registry';
  /** Data is read where this is highest. */
  weight: number;
  /** Nothing is added to it; what is there is read and removed. */
  isReadOnly: boolean;
  /** For administrators; no secrets. */
  properties: Readonly<Record<string, string | number | boolean>>;
  data: ImageStore;
}

export interface ImageStores {
  all: readonly NamedStore[];
  /** Where data goes when nobody says otherwise. */
  default: NamedStore;
}

/** Where container images are that were pushed. */
export const registryStoreId = 'registry';

/** One store and no choice. */
export function singleStore(data: ImageStore, id = 'default'): ImageStores {
  const only: NamedStore = {
    ...{ id, description: '', type: 'files', weight: 0, isReadOnly: false, properties: {} },
    data,
  };
  return { all: [only], default: only };
}

export const findStore = ({ all }: ImageStores, id: string): NamedStore | undefined =>
  all.find((store) => store.id === id);

/** Throws `BadRequest` for a store that is not there. */
export function getStore(stores: ImageStores, id: string): NamedStore {
  const store = findStore(stores, id);
  if (store === undefined) throw new BadRequest(unknownStore(id));
  return store;
}

/** glance_store's words. */
export const unknownStore = (id: string): string => `Store for identifier ${id} not found`;

/** Those of the copies whose stores are there, the best to read first: by weight, then the default store, then what is on this host. */
export function readable(
  stores: ImageStores,
  copies: readonly { store: string; dataId: string }[],
): { store: NamedStore; dataId: string }[] {
  const rank = ({ store }: { store: NamedStore }) => [
    store.weight,
    Number(store === stores.default),
    Number(store.type === 'files'),
  ];
  return copies
    .flatMap(({ store: id, dataId }) => {
      const store = findStore(stores, id);
      return store === undefined ? [] : [{ store, dataId }];
    })
    .sort((a, b) => rank(b).reduce((order, value, i) => order || value - rank(a)[i]!, 0));
}

/**
 * Opens the first copy that can be. Throws `DataMissing` when it is in none of the stores, and `Unavailable` when one of them, or
 * all that have it, cannot be asked.
 */
export async function openCopy(
  stores: ImageStores,
  copies: readonly { store: string; dataId: string }[],
  range?: ByteRange,
): Promise<Readable> {
  const failures: unknown[] = [];
  for (const { store, dataId } of readable(stores, copies)) {
    try {
      return await store.data.open(dataId, range);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      failures.push(error);
    }
  }
  const unreachable = failures.find((error) => !(error instanceof DataMissing));
  if (unreachable !== undefined) throw unreachable;
  if (failures.length > 0) throw failures[0];
  throw new Unavailable('The data of the image is in stores that this cloud does not have now.');
}
