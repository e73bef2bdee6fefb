import type { Logger } from '../../common/logger.ts';
import type { ServerDriver } from '../drivers/driver.ts';

/** Tells, once each, of the guests on this host that are not of this cloud; they are never touched. */
export function foreignGuests(driver: Pick<ServerDriver, 'listForeign'>, log: Logger): () => Promise<void> {
  let told = new Set<string>();
  return async () => {
    const there = new Set(await driver.listForeign());
    const unknown = [...there].filter((name) => !told.has(name));
    if (unknown.length > 0)
      log.warn(
        { guests: unknown },
        'guests on this host are not of this cloud, and take room that it does not know of',
      );
    told = there;
  };
}
