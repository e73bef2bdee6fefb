/** For the doctor: what the cloud says of its hosts, and what is on this one that the cloud knows nothing of. */
import type { Knex } from '../common/database/database.ts';
import { listHosts } from '../compute/hosts/store.ts';
import { type Finding, type HostContext, ok, warn } from './engines/engine.ts';
import { listForeignServers } from './guests.ts';
import { onDatabase } from './on-database.ts';

const name = 'hosts';

export async function hostsOfCloud({ dataDir }: HostContext): Promise<Finding[]> {
  let findings: Finding[] = [];
  try {
    await onDatabase(dataDir, async (db) => {
      findings = await lookAtHosts(db);
    });
  } catch {
    // what is wrong with the database is told in a line of its own
  }
  return findings;
}

/** One line when all are up, else one for each that is not. */
export async function lookAtHosts(db: Knex): Promise<Finding[]> {
  const hosts = await listHosts(db);
  const down = hosts.filter((host) => !host.isUp || host.downDetail !== null);
  if (down.length === 0) return [ok(name, `${hosts.length}, all up`)];
  return down.map((host) => {
    const found = `${host.name} is down: ${host.downReason}; ${host.guests} guests`;
    if (!host.isDead)
      return warn(name, found, 'Its guests run on. Start its engine again; the log of its agent says more.');
    return warn(
      name,
      found,
      `Start it again, or power it off, say so (openstack compute service set --down ${host.name} nova-compute), and evacuate its servers.`,
    );
  });
}

export async function foreignGuests(): Promise<Finding[]> {
  const names = await listForeignServers().catch(() => undefined); // libvirt has a line of its own
  if (names === undefined) return [];
  if (names.length === 0) return [ok('other guests', 'none')];
  return [
    warn(
      'other guests',
      `${names.length} that are not of this cloud: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`,
      'They are left alone. Keep their room free: reservedHostCpus, reservedHostMemoryMib and reservedHostDiskGib in cirrostack.json.',
    ),
  ];
}
