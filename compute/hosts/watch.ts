import type { Knex } from '../../common/database/database.ts';
import type { Logger } from '../../common/logger.ts';
import type { Reconciler } from '../../common/reconcile/loop.ts';
import { countLeaving, type EvacuationPolicy } from '../servers/moves/evacuations.ts';
import { listHosts } from './store.ts';

export interface HostWatchDeps {
  db: Knex;
  log: Logger;
  policy: EvacuationPolicy;
  /** After so many seconds of silence servers of hosts that fence themselves are evacuated. */
  afterSeconds: number;
}

/** Tells the log of hosts that are dead to the cloud, once, and of those that are back; and what becomes of their servers. */
export function hostWatch({ db, log, policy, afterSeconds }: HostWatchDeps): Reconciler {
  const told = new Set<string>();
  const isDead = "(is_forced_down or agent_seen_at < now() - down_after_seconds * interval '1 second')";
  const changed = async () => {
    const hosts = await db('compute_hosts')
      .whereRaw(`${isDead} or name = any(?)`, [[...told]])
      .select('name', 'is_forced_down', 'is_fenced', 'down_after_seconds', db.raw(`${isDead} as is_dead`));
    return hosts.filter((host) => host.is_dead !== told.has(host.name));
  };
  return {
    name: 'dead-hosts',
    pending: async (limit) => (await changed()).slice(0, limit).map(({ name }) => name),
    async reconcile(name) {
      const host = (await changed()).find((one) => one.name === name);
      if (host === undefined) return;
      if (!host.is_dead) {
        told.delete(name);
        log.info({ host: name }, 'a host is heard of again');
        return;
      }
      told.add(name);
      const guests = (await listHosts(db)).find((one) => one.name === name)?.guests ?? 0;
      const isEvacuated = policy !== 'none' && (host.is_forced_down || (policy === 'fenced' && host.is_fenced));
      const { evacuated, deleted } = isEvacuated ? await countLeaving(db, name) : { evacuated: 0, deleted: 0 };
      const stay = Math.max(0, guests - evacuated - deleted);
      if (guests === 0) log.warn({ host: name }, 'a host is dead; nothing was on it');
      else if (isEvacuated) {
        const seconds = Math.max(afterSeconds, host.down_after_seconds);
        const when = host.is_forced_down ? 'now' : `once it has been silent for ${seconds} seconds`;
        const level = stay > 0 ? 'error' : 'warn';
        log[level](
          { host: name, guests, evacuated, stay },
          `a host is dead: ${evacuated} of its servers are evacuated ${when}; ${stay} of its guests stay for somebody to see to`,
        );
      } else
        log.error(
          { host: name, guests },
          'a host is dead, and its guests wait: power it off and force it down, then its servers can be evacuated',
        );
    },
  };
}
