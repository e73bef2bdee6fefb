import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { Knex } from '../../common/database/database.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { listHosts, reportHost } from '../hosts/store.ts';
import { hostFacts } from '../testing.ts';
import { claimHost } from './claim.ts';
import { type HostCapacity, refusalOf } from './filters.ts';
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

test('a thousand hosts are used evenly and none is promised twice, with 32 creators at once', async (t) => {
  const cloud = await startTestCloud(t);
  const { db } = cloud;
  for (let i = 0; i < 1000; i++)
    await reportHost(db, { name: `h${i}`, vcpus: 4, memoryMib: 512 + 2048, diskGib: 10, ...hostFacts }, null);
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
    vcpus: 1,
    memoryMib: 1536,
    diskGib: 10,
    claimedVcpus: 15.5,
    claimedMemoryMib: 1000,
    claimedDiskGib: 9,
  };
  const demand = { vcpus: 0.5, memoryMib: 24, diskGib: 1, ...anywhere };
  t.is(refusalOf(host, demand), undefined);
  t.like(refusalOf(host, { ...demand, vcpus: 1 }), { filter: 'CoreFilter', missing: { amount: 0.5, unit: 'VCPUs' } });
  t.like(refusalOf(host, { ...demand, memoryMib: 25 }), {
    filter: 'RamFilter',
    reason: '25 MiB of memory asked for, 24 of 1024 free',
  });
  t.like(refusalOf(host, { ...demand, diskGib: 2 }), { filter: 'DiskFilter' });
  t.like(refusalOf(host, { ...demand, zone: 'other' }), { filter: 'AvailabilityZoneFilter' });
  t.like(refusalOf({ ...host, isUp: false }, demand), { filter: 'ComputeFilter', reason: 'silent' });
  t.like(refusalOf({ ...host, isDisabled: true, disabledReason: 'repair' }, demand), {
    reason: 'disabled',
    detail: 'repair',
  });
});
