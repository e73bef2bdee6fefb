import type { Knex } from '../../common/database/database.ts';
import type { Logger } from '../../common/logger.ts';
import type { GuestDriver, PowerState } from '../drivers/driver.ts';

/** What the database knows of the guests of one kind. */
export interface WantedGuests {
  /** The ids of this host's rows to the power they are wanted in; null where none is wanted yet. */
  onThisHost(): Promise<ReadonlyMap<string, PowerState | null>>;
  /** Those of the ids that have a row at all, on whichever host. */
  known(ids: string[]): Promise<ReadonlySet<string>>;
  /** Those that are rightly here although another host is their owner: they are on their way. */
  onTheirWay?(ids: string[]): Promise<ReadonlySet<string>>;
}

/**
 * Compares a host's guests of one kind with what the database wants of them, both ways: removes those of ours that no row
 * stands for, and gives the ids of those that differ. The rows are asked for after the guests were listed, because what is
 * made has its row first. A guest whose row is on another host is left alone: this host may only have got another name.
 */
export async function sweepGuests(
  driver: Pick<GuestDriver<never>, 'list' | 'remove'>,
  wanted: WantedGuests,
  log: Logger,
): Promise<string[]> {
  const guests = await driver.list();
  const here = await wanted.onThisHost();
  const strange = guests.map((guest) => guest.id).filter((id) => !here.has(id));
  const known = await wanted.known(strange);
  const onTheirWay = await wanted.onTheirWay?.(strange);
  for (const id of strange) {
    if (onTheirWay?.has(id)) continue;
    if (known.has(id)) {
      log.error({ guest: id }, 'a guest on this host belongs to another host: has this host been renamed?');
      continue;
    }
    log.warn({ guest: id }, 'removing a guest of ours that nothing in the database stands for');
    // One that cannot be removed now must not keep the others from being looked after.
    await driver.remove(id).catch((err) => log.warn({ err, guest: id }, 'cannot remove it now'));
  }
  const seen = new Map(guests.map((guest) => [guest.id, guest.power]));
  return [...here].filter(([id, power]) => power !== null && seen.get(id) !== power).map(([id]) => id);
}

/** The ids of a table's rows among `ids`. */
export async function knownIds(db: Knex, table: 'servers' | 'containers', ids: string[]): Promise<ReadonlySet<string>> {
  const found: string[] = ids.length === 0 ? [] : await db(table).whereRaw('id = any(?::uuid[])', [ids]).pluck('id');
  return new Set(found);
}
