import type { Logger } from '../../common/logger.ts';
import type { GuestDriver, PowerState } from '../drivers/driver.ts';

/**
 * Compares a host's guests of one kind with what the database wants of them, both ways: removes those of ours that no row
 * stands for, and gives the ids of those that differ. `wantedPower` maps the ids of this host's rows to their power, null
 * where none is wanted yet; it is asked after the guests were listed, because what is made has its row first.
 */
export async function sweepGuests(
  driver: Pick<GuestDriver<never>, 'list' | 'remove'>,
  wantedPower: () => Promise<ReadonlyMap<string, PowerState | null>>,
  log: Logger,
): Promise<string[]> {
  const guests = await driver.list();
  const rows = await wantedPower();
  const seen = new Map(guests.map((guest) => [guest.id, guest.power]));
  for (const { id } of guests) {
    if (rows.has(id)) continue;
    log.warn({ guest: id }, 'removing a guest of ours that nothing in the database stands for');
    await driver.remove(id);
  }
  return [...rows].filter(([id, power]) => power !== null && seen.get(id) !== power).map(([id]) => id);
}
