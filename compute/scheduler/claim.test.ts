import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { Knex } from '../../common/database/database.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { listHosts, reportHost } from '../hosts/store.ts';
import { hostFacts } from '../testing.ts';
import { claimHost } from './claim.ts';
import type { Demand } from './demand.ts';
import { type HostCapacity, refusalOf } from './filters.ts';
import { countRoom } from './room.ts';
import { defaultScheduling } from './scheduling.ts';

const anywhere = { zone: null, hostName: null, projectId: 'p' };

/** Claims as an operation does: the row goes in under the host's lock. */
async function place(db: Knex, memoryMib: number): Promise<string | undefined> {
  return db.transaction(async (trx) => {
    const { host } = await claimHost(trx, { vcpus: 1, memoryMib, diskGib: 0, ...anywhere }, defaultScheduling);
    if (host === undefined) return undefined;
    await trx('servers').insert({
      project_id: 'p',
      user_id: 'u',
      name: 's',
      hostname: 's',
      flavor_id: 'f',
      vcpus: 1,
      memory_mib: memoryMib,
      disk_gib: 0,
      image_id: randomUUID(),
      disk_image_id: randomUUID(),
      disk_image_format: 'raw',
      reservation_id: 'r',
      host_id: host.id,
    });
    return host.name;
  });
}

/** Of one size, in MiB beside what is kept for the host itself. */
async function manyHosts(db: Knex, count: number, memoryMib: number): Promise<void> {
  const name = 'h0';
  await reportHost(db, { name, vcpus: 4, memoryMib: 512 + memoryMib, diskGib: 10, ...hostFacts }, null);
  await db.raw(
    `insert into compute_hosts (name, address, vcpus, memory_mib, disk_gib, hypervisor_type, hypervisor_version,
         virtualisation, cpu_model, architecture)
       select 'h' || n, address, vcpus, memory_mib, disk_gib, hypervisor_type, hypervisor_version, virtualisation,
         cpu_model, architecture
       from compute_hosts, generate_series(1, ?::integer) n where name = ?`,
    [count - 1, name],
  );
  await countRoom(db, defaultScheduling.allocation);
}

test('a thousand hosts are used evenly and none is promised twice, with 32 creators at once', async (t) => {
  const cloud = await startTestCloud(t);
  const { db } = cloud;
  await manyHosts(db, 1000, 2048);
  const placed: (string | undefined)[] = [];
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (let i = 0; i < 4; i++) placed.push(await place(db, 2048));
    }),
  );
  t.is(placed.length, 128);
  t.false(placed.includes(undefined));
  t.is(new Set(placed).size, 128, 'each host holds one of this size');
});

test('the last room is given once', async (t) => {
  const cloud = await startTestCloud(t);
  for (const name of ['a', 'b', 'c'])
    await reportHost(cloud.db, { name, vcpus: 4, memoryMib: 512 + 1024, diskGib: 10, ...hostFacts }, null);
  const placed = await Promise.all(Array.from({ length: 32 }, () => place(cloud.db, 1024)));
  t.deepEqual(placed.filter((name) => name !== undefined).sort(), ['a', 'b', 'c']);
  for (const host of await listHosts(cloud.db)) t.true(host.claimedMemoryMib <= host.memoryMib - 512);
});

test('among many hosts a guest goes to where there is room, whatever was last counted, and is refused only when all refuse', async (t) => {
  const cloud = await startTestCloud(t);
  const { db } = cloud;
  await manyHosts(db, 150, 1024);
  t.is(
    (await Promise.all(Array.from({ length: 32 }, () => place(db, 1024)))).filter((name) => name !== undefined).length,
    32,
  );
  t.is(
    await db('compute_hosts')
      .where('free_memory_mib', '<', 1024)
      .count({ n: '*' })
      .first()
      .then((row) => row?.n),
    32,
  );
  // All seem full, and one is not; then all but one are, and seem empty.
  await db('compute_hosts').update({ free_memory_mib: 0 });
  await db('compute_hosts').whereNot({ name: 'h149' }).update({ is_disabled: true });
  t.is(await place(db, 512), 'h149');
  await db('compute_hosts').update({ is_disabled: false, free_memory_mib: 9000 });
  await db('compute_hosts')
    .whereNot({ name: 'h149' })
    .update({ memory_mib: 512 + 256 });
  const left = Array.from({ length: 32 }, () => place(db, 300));
  t.deepEqual(
    (await Promise.all(left)).filter((name) => name !== undefined),
    ['h149'],
  );
  await db.transaction(async (trx) => {
    const { reason } = await claimHost(trx, { vcpus: 1, memoryMib: 300, diskGib: 0, ...anywhere }, defaultScheduling);
    t.is(
      reason,
      'No valid host was found. There are not enough hosts available: RamFilter refused 150 hosts (at best 44 MiB of memory missing).',
    );
  });
  await countRoom(db, defaultScheduling.allocation);
  for (const host of await listHosts(db)) t.true(host.claimedMemoryMib <= Math.max(1024, host.memoryMib - 512));
});

test('of many hosts those of a group, of hints and of a zone are found', async (t) => {
  const { db } = await startTestCloud(t);
  await manyHosts(db, 150, 1024);
  const idOf = async (name: string) => (await db('compute_hosts').where({ name }).first('id')).id as string;
  const [seven, eight] = [await idOf('h7'), await idOf('h8')];
  const [zone] = await db('compute_aggregates')
    .insert({ name: 'a', metadata: JSON.stringify({ availability_zone: 'east' }) })
    .returning('number');
  await db('compute_aggregate_hosts').insert({ aggregate_number: zone.number, host_id: seven });
  // Whoever has most room is asked first: these two have least.
  await db('compute_hosts')
    .whereIn('id', [seven, eight])
    .update({ memory_mib: 512 + 512, free_memory_mib: 512 });
  const chosen = async (changes: Partial<Demand>) => {
    await countRoom(db, defaultScheduling.allocation); // no row keeps the claim
    return db.transaction(async (trx) => {
      const demand = { vcpus: 1, memoryMib: 512, diskGib: 0, ...anywhere, ...changes };
      return (await claimHost(trx, demand, defaultScheduling)).host?.name;
    });
  };
  const group = (policy: 'affinity' | 'soft-affinity' | 'soft-anti-affinity', ...ids: string[]) => ({
    group: { policy, mostPerHost: 1, guestsByHost: new Map(ids.map((id) => [id, 1])) },
  });
  t.is(await chosen({ hostName: 'h8' }), 'h8');
  t.is(await chosen({ zone: 'east' }), 'h7');
  t.is(await chosen({ sameHostIds: new Set([eight]) }), 'h8');
  t.is(await chosen({ sameHostIds: new Set([seven, eight]), differentHostIds: new Set([seven]) }), 'h8');
  t.is(await chosen(group('affinity', seven)), 'h7');
  t.is(await chosen(group('soft-affinity', eight)), 'h8');
  t.false(['h7', 'h8'].includes((await chosen(group('soft-anti-affinity', seven, eight))) ?? ''));
});

test('the claims of a host and of a project are found by an index, whatever they are united of', async (t) => {
  const { db } = await startTestCloud(t);
  for (const column of ["host_id = '00000000-0000-4000-8000-000000000000'", "project_id = 'p'"])
    await db.transaction(async (trx) => {
      await trx.raw('set local enable_seqscan = off'); // tables are small here; what has no index is read whole all the same
      const { rows } = await trx.raw(`explain select * from compute_claims where ${column}`);
      const plan = rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
      t.notRegex(plan, /Seq Scan/, column);
    });
});

const unsaid = { ratio: null, reserved: null };

test('each check refuses under its name and says by how much', (t) => {
  const host: HostCapacity = {
    id: 'x',
    name: 'x',
    isUp: true,
    downReason: 'silent',
    downDetail: null,
    isDisabled: false,
    disabledReason: null,
    zone: 'nova',
    aggregates: [],
    hypervisorType: 'QEMU',
    hypervisorVersion: 7_002_000,
    cpuModel: 'x',
    architecture: 'x86_64',
    virtualisation: 'kvm',
    traits: [],
    inventories: { vcpus: unsaid, memoryMib: unsaid, diskGib: unsaid },
    vcpus: 1,
    memoryMib: 1536,
    diskGib: 10,
    claimedVcpus: 15.5,
    claimedMemoryMib: 1000,
    claimedDiskGib: 9,
  };
  const demand = { vcpus: 0.5, memoryMib: 24, diskGib: 1, ...anywhere };
  const refusal = (one: HostCapacity, asked: Demand) => refusalOf(one, asked, defaultScheduling);
  t.is(refusal(host, demand), undefined);
  t.like(refusal(host, { ...demand, vcpus: 1 }), { filter: 'CoreFilter', missing: { amount: 0.5, unit: 'VCPUs' } });
  t.like(refusal(host, { ...demand, memoryMib: 25 }), {
    filter: 'RamFilter',
    reason: '25 MiB of memory asked for, 24 of 1024 free',
  });
  t.like(refusal(host, { ...demand, diskGib: 2 }), { filter: 'DiskFilter' });
  t.like(refusal(host, { ...demand, zone: 'other' }), { filter: 'AvailabilityZoneFilter' });
  t.like(refusal({ ...host, isUp: false }, demand), { filter: 'ComputeFilter', reason: 'silent' });
  t.like(refusal({ ...host, isDisabled: true, disabledReason: 'repair' }, demand), {
    reason: 'disabled',
    detail: 'repair',
  });
});
