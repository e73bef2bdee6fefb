import type { Knex } from '../../common/database/database.ts';

/** What a guest takes of one host. */
export interface Claim {
  hostName: string;
  /** `move`: room that is held for it where it is not, or will not be for long. */
  kind: 'server' | 'container' | 'move';
  vcpus: number;
  memoryMib: number;
  diskGib: number;
}

/** Of one guest; none while it has no host. */
export async function claimsOf(db: Knex, guestId: string): Promise<Claim[]> {
  const rows = await db('compute_claims as c')
    .join('compute_hosts as h', 'h.id', 'c.host_id')
    .where('c.id', guestId)
    .orderBy('c.kind', 'desc') // where it is to be comes first
    .select('h.name', 'c.kind', 'c.vcpus', 'c.memory_mib', 'c.disk_gib');
  return rows.map((row) => ({
    hostName: row.name,
    kind: row.kind,
    vcpus: row.vcpus,
    memoryMib: row.memory_mib,
    diskGib: row.disk_gib,
  }));
}
