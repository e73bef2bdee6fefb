/**
 * Whose a place is. A store sweeps what it does not know, so two in one place would remove each other's images: two clouds, or two
 * entries of the file that lead to the same bucket or directory. The first to come leaves a mark that names it, and only where
 * nobody's data is; any other keeps its hands off.
 */
import { Unavailable } from '../../common/errors.ts';

/** The name of the mark; no id of data, so nothing takes it for one. */
export const ownerKey = 'cirrostack-owner';
/** How many ids the database is asked about at once. */
const askedAtOnce = 1000;

/** One store of one cloud. */
export interface Owner {
  cloudId: string;
  storeId: string;
  /** Its place is in the cloud's own data directory: what is there without a mark is from before there were marks. */
  isAtHome: boolean;
  /** Those of the ids that this cloud knows as data of this store. */
  known(ids: string[]): Promise<ReadonlySet<string>>;
}

/** Where a store keeps its data. Every call throws `Unavailable` when it cannot be asked. */
export interface Place {
  /** Of the mark, for the operator. */
  name: string;
  readMark(): Promise<string | undefined>;
  /** Leaves the mark of somebody else as it is. */
  writeMark(text: string): Promise<void>;
  /** Of all data, unfinished too, whosever it is. */
  ids(): AsyncIterable<string>;
}

export interface Claim {
  /** Looks, and takes the place when it is free. Throws `Unavailable`, whose cause says what to do, when it is not this store's. */
  check(): Promise<void>;
  /** Looks unless it has found the place to be this store's before. */
  once(): Promise<void>;
}

export function claimOf(place: Place, owner: Owner): Claim {
  const mark = `${owner.cloudId}/${owner.storeId}`;
  let isOurs = false;
  const claim: Claim = {
    async check() {
      isOurs = false;
      const found = (await place.readMark()) ?? (await take(place, owner, mark));
      if (found !== mark) throw refusal(`${place.name} says that the place is of ${found || 'nobody'}`, place, mark);
      isOurs = true;
    },
    async once() {
      if (!isOurs) await claim.check();
    },
  };
  return claim;
}

/** Reads again: of several that come at once one is the owner, and the others hear of it. */
async function take(place: Place, owner: Owner, mark: string): Promise<string | undefined> {
  if (!owner.isAtHome) {
    const stranger = await findStranger(place, owner);
    if (stranger !== undefined)
      throw refusal(`there is ${stranger}, of which this cloud does not know, and no ${place.name}`, place, mark);
  }
  await place.writeMark(mark);
  return await place.readMark();
}

async function findStranger(place: Place, { known }: Owner): Promise<string | undefined> {
  let ids: string[] = [];
  const strangerAmong = async () => {
    const ours = await known(ids);
    const stranger = ids.find((id) => !ours.has(id));
    ids = [];
    return stranger;
  };
  for await (const id of place.ids()) {
    if (ids.push(id) < askedAtOnce) continue;
    const stranger = await strangerAmong();
    if (stranger !== undefined) return stranger;
  }
  return ids.length === 0 ? undefined : await strangerAmong();
}

function refusal(why: string, { name }: Place, mark: string): Unavailable {
  const advice = `Give the store a place of its own; or, if everything there that is named by an id may be swept, write ${mark} into ${name}.`;
  const cause = new Error(`Not the place of this store: ${why}. ${advice}`);
  return new Unavailable('The store of the image’s data is in a place that is not its own.', { cause });
}
