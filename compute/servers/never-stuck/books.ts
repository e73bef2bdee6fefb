/** Compares what hosts have with what the database says of servers that are at rest: gives each difference in words. */
import type { Knex } from '../../../common/database/database.ts';
import type { SimulatedHost } from '../../drivers/simulated/host.ts';

interface Row {
  id: string;
  host: string | null;
  other: string | null;
  move: string | null;
  disk_generation: number;
  disk_copied_from: number | null;
  old_flavor: { diskGeneration: number; vcpus: number; memoryMib: number } | null;
  vcpus: number;
  memory_mib: number;
  shelve_image_id: string | null;
  unplaced_reason: string | null;
}

/** `statuses` is what clients see of each server. */
export async function differences(
  db: Knex,
  hosts: ReadonlyMap<string, SimulatedHost>,
  statuses: ReadonlyMap<string, string>,
): Promise<string[]> {
  const rows: Row[] = await db('servers')
    .leftJoin('compute_hosts as h', 'h.id', 'servers.host_id')
    .leftJoin('compute_hosts as o', 'o.id', 'servers.other_host_id')
    .select('servers.*', 'h.name as host', 'o.name as other');
  const healthy = rows.filter((row) => statuses.get(row.id) !== 'ERROR');
  return [
    ...rows.flatMap((row) => (statuses.has(row.id) ? [] : [`server ${row.id} is in the database, and nobody sees it`])),
    ...strangers(rows, hosts, await keptOn(db)),
    ...healthy.flatMap((row) => disksOf(row, hosts)),
    ...(await ports(db, healthy, hosts, statuses)),
    ...(await claims(db, healthy)),
    ...(await moves(db, rows, statuses)),
    ...(await shelveImages(db, rows)),
  ];
}

/** What hosts may keep of servers that are not whole elsewhere yet. */
async function keptOn(db: Knex): Promise<Set<string>> {
  const rows = await db('server_migrations').where({ source_kept: true });
  return new Set(rows.map((row) => `${row.server_id} ${row.source_host}`));
}

function strangers(rows: Row[], hosts: ReadonlyMap<string, SimulatedHost>, kept: ReadonlySet<string>): string[] {
  const rightly = new Set(rows.flatMap(({ id, host, other }) => [`${id} ${host}`, `${id} ${other}`]));
  return [...hosts].flatMap(([name, host]) => {
    const here = [...host.servers.keys(), ...host.arriving.keys(), ...host.disks.keys()].map((key) => key.slice(0, 36));
    const strange = [...new Set(here)].filter((id) => !rightly.has(`${id} ${name}`) && !kept.has(`${id} ${name}`));
    return strange.map((id) => `${name} has something of server ${id}, which is not there`);
  });
}

function disksOf(row: Row, hosts: ReadonlyMap<string, SimulatedHost>): string[] {
  const generations = (name: string | null) =>
    [...((name !== null && hosts.get(name)?.disks.keys()) || [])]
      .filter((key) => key.startsWith(row.id))
      .map((key) => Number(key.slice(37)))
      .sort((a, b) => a - b)
      .join();
  const found: string[] = [];
  const expect = (name: string | null, expected: number[]) => {
    const [is, should] = [generations(name), expected.join()];
    if (is !== should) found.push(`${name} has the disks [${is}] of ${row.id} and should have [${should}]`);
  };
  const isElsewhere = row.other !== null;
  const beside = row.old_flavor !== null && !isElsewhere ? [row.old_flavor.diskGeneration] : [];
  if (row.host !== null) expect(row.host, [...beside, row.disk_generation]);
  // One that left just after a resize was confirmed may have left that one's old disk beside, which goes with the way back.
  const wayBack = row.old_flavor?.diskGeneration;
  if (isElsewhere && !generations(row.other).split(',').includes(String(wayBack)))
    found.push(`${row.other} has the disks [${generations(row.other)}] of ${row.id} and needs ${wayBack}`);
  return found;
}

async function ports(
  db: Knex,
  rows: Row[],
  hosts: ReadonlyMap<string, SimulatedHost>,
  statuses: ReadonlyMap<string, string>,
): Promise<string[]> {
  const all = await db('ports')
    .whereNotNull('attached_to')
    .whereNull('deletion_requested_at')
    .orderBy('attached_order');
  return rows.flatMap(({ id, host }) => {
    const mine = all.filter((port) => port.attached_to === id);
    const astray = mine.filter((port) => port.host_name !== host);
    const guest = hosts.get(host ?? '')?.servers.get(id);
    const plugged = guest?.spec.ports.map((port) => port.id).join();
    const isAsleep = ['SUSPENDED', 'SOFT_DELETED', 'SHUTOFF'].includes(statuses.get(id) ?? ''); // it has them when it wakes
    return [
      ...astray.map((port) => `port ${port.id} of ${id} is on ${port.host_name}, and its server on ${host}`),
      ...(guest !== undefined && !isAsleep && plugged !== mine.map((port) => port.id).join()
        ? [`${id} has the ports ${plugged} and should have ${mine.map((port) => port.id).join()}`]
        : []),
    ];
  });
}

/** One for each host that holds room for it, of the larger of its sizes. */
async function claims(db: Knex, rows: Row[]): Promise<string[]> {
  const all = await db('compute_claims')
    .leftJoin('compute_hosts', 'compute_hosts.id', 'compute_claims.host_id')
    .select('compute_claims.*', 'compute_hosts.name as host');
  const found: string[] = [];
  for (const row of rows) {
    const mine = all.filter((claim) => claim.id === row.id);
    const hosts = mine.map((claim) => claim.host).sort();
    const expected = row.other === null ? [row.host] : [row.host, row.other].sort();
    if (hosts.join() !== expected.join()) found.push(`${row.id} claims ${hosts.join()} and should ${expected.join()}`);
    const own = mine.find((claim) => claim.kind === 'server');
    const [vcpus, memory] = [
      Math.max(row.vcpus, row.old_flavor?.vcpus ?? 0),
      Math.max(row.memory_mib, row.old_flavor?.memoryMib ?? 0),
    ];
    if (Number(own?.vcpus) !== vcpus || own?.memory_mib !== memory)
      found.push(`${row.id} claims ${own?.vcpus} VCPUs and ${own?.memory_mib} MiB, not ${vcpus} and ${memory}`);
  }
  const ids = new Set((await db('servers').select('id')).map((row) => row.id));
  return [...found, ...all.filter(({ id }) => !ids.has(id)).map(({ id }) => `a claim is left of ${id}`)];
}

/** At rest only those are open that wait to be confirmed, and only servers in error have something left elsewhere. */
async function moves(db: Knex, rows: Row[], statuses: ReadonlyMap<string, string>): Promise<string[]> {
  const over = ['confirmed', 'reverted', 'completed', 'done', 'error', 'cancelled'];
  const all = await db('server_migrations');
  const found = rows
    .filter(({ move, id }) => move !== null && statuses.get(id) !== 'ERROR')
    .map(({ id, move }) => `${id} is still on its way: ${move}`);
  for (const { server_id: id, status, kind, number, ...move } of all) {
    const row = rows.find((one) => one.id === id);
    const isError = statuses.get(id) === 'ERROR';
    const what = `the ${kind} ${number} of ${id}`;
    const isWaiting = status === 'finished' && row?.old_flavor != null;
    if (!over.includes(status) && !isWaiting && !isError) found.push(`${what} is ${status}`);
    if (move.source_to_clear || move.destination_to_clear) found.push(`${what} has left something to remove`);
    if (move.source_kept && !isError) found.push(`${what} has something kept at ${move.source_host}`);
  }
  for (const row of rows)
    if (row.other !== null && row.old_flavor === null && statuses.get(row.id) !== 'ERROR')
      found.push(`${row.id} holds ${row.other} and has no way back`);
  return found;
}

async function shelveImages(db: Knex, rows: Row[]): Promise<string[]> {
  const used = new Set(rows.map((row) => row.shelve_image_id));
  const images = await db('images').where('name', 'like', '%-shelved').whereNull('deletion_requested_at');
  return images.filter(({ id }) => !used.has(id)).map(({ id }) => `the image ${id} of a shelved server is left`);
}
