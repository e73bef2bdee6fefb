import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { Knex } from '../../common/database/database.ts';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { reportHost } from '../hosts/store.ts';
import { claimHost } from '../scheduler/claim.ts';
import { defaultScheduling } from '../scheduler/scheduling.ts';
import { hostFacts } from '../testing.ts';
import { groupIdsOf, joinServerGroup, lockGroupOfServer, lockServerGroup } from './membership.ts';
import type { GroupPolicy } from './server-group.ts';
import { getServerGroup } from './store.ts';

const everyone = 'everyone';

async function prepare(cloud: TestCloud, hosts: number, policy: GroupPolicy, mostPerHost: number | null = null) {
  for (let i = 0; i < hosts; i++)
    await reportHost(cloud.db, { name: `h${i}`, vcpus: 64, memoryMib: 65_536 - i, diskGib: 10, ...hostFacts }, null);
  const row = { project_id: 'p', user_id: 'u', name: 'g', policy, most_per_host: mostPerHost };
  const [{ id }] = await cloud.db('server_groups').insert(row).returning('id');
  return id as string;
}

/** As a server is made: the group, the host, the row, one transaction. The host's name, or why there is none. */
async function place(db: Knex, groupId: string): Promise<string> {
  return db.transaction(async (trx) => {
    const group = await lockServerGroup(trx, everyone, { groupId, userId: 'u', region: 'RegionOne' });
    const needs = { vcpus: 1, memoryMib: 64, diskGib: 0, zone: null, hostName: null, projectId: 'p', group };
    const { host, reason } = await claimHost(trx, needs, defaultScheduling);
    if (host === undefined) return reason;
    const id = randomUUID();
    await trx('servers').insert({
      id,
      project_id: 'p',
      user_id: 'u',
      name: 's',
      hostname: 's',
      flavor_id: 'f',
      vcpus: 1,
      memory_mib: 64,
      disk_gib: 0,
      image_id: randomUUID(),
      disk_image_id: randomUUID(),
      disk_image_format: 'raw',
      reservation_id: 'r',
      host_id: host.id,
    });
    await joinServerGroup(trx, groupId, id);
    return host.name;
  });
}

test('of servers that must be apart no two are on a host, however many are placed at once', async (t) => {
  const cloud = await startTestCloud(t);
  const groupId = await prepare(cloud, 4, 'anti-affinity');
  const placed = await Promise.all(Array.from({ length: 6 }, () => place(cloud.db, groupId)));
  const hosts = placed.filter((name) => /^h\d$/.test(name));
  t.deepEqual(hosts.sort(), ['h0', 'h1', 'h2', 'h3']);
  const refused = placed.find((name) => !hosts.includes(name)) ?? '';
  t.regex(refused, /ServerGroupAntiAffinityFilter refused 4 hosts/);

  const member = await cloud.db('server_group_members').first('server_id');
  t.is((await groupIdsOf(cloud.db, [member.server_id, randomUUID()])).size, 1);
  const others = await cloud.db.transaction((trx) => lockGroupOfServer(trx, member.server_id));
  t.is(others?.guestsByHost.size, 3, 'where it is itself may it stay');
});

test('a rule lets so many of a group share a host, and a full group takes no more', async (t) => {
  const cloud = await startTestCloud(t);
  const groupId = await prepare(cloud, 2, 'anti-affinity', 2);
  for (let i = 0; i < 4; i++) t.regex(await place(cloud.db, groupId), /^h/);
  t.regex(await place(cloud.db, groupId), /ServerGroupAntiAffinityFilter/);
  await cloud.db('compute_quotas').insert({ project_id: 'p', resource: 'server_group_members', maximum: 4 });
  await t.throwsAsync(place(cloud.db, groupId), { message: /too many servers in group: 4 of 4/ });
  await cloud.db('servers').delete();
  t.deepEqual((await getServerGroup(cloud.db, everyone, groupId)).members, [], 'servers that are gone are no members');
});

test('servers that belong together stay on one host, and softly as long as there is room', async (t) => {
  const cloud = await startTestCloud(t);
  const together = await prepare(cloud, 3, 'affinity');
  const hosts = new Set(await Promise.all(Array.from({ length: 4 }, () => place(cloud.db, together))));
  t.is(hosts.size, 1);
  await cloud
    .db('compute_hosts')
    .where({ name: [...hosts][0] })
    .update({ is_disabled: true });
  t.regex(await place(cloud.db, together), /ServerGroupAffinityFilter/);

  await cloud.db('compute_hosts').update({ is_disabled: false });
  const soft = await prepare(cloud, 3, 'soft-affinity');
  const first = await place(cloud.db, soft);
  t.is(await place(cloud.db, soft), first, 'although others have more room');
  await cloud.db('compute_hosts').where({ name: first }).update({ is_disabled: true });
  t.not(await place(cloud.db, soft), first);

  await cloud.db('compute_hosts').update({ is_disabled: false });
  const apart = await prepare(cloud, 3, 'soft-anti-affinity');
  const spread = [await place(cloud.db, apart), await place(cloud.db, apart), await place(cloud.db, apart)];
  t.is(new Set(spread).size, 3);
  t.regex(await place(cloud.db, apart), /^h/);
});
