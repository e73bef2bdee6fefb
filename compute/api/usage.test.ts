import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../testing.ts';
import { hoursIn } from '../usage/usage.ts';

const path = '/compute/v2.1/os-simple-tenant-usage';

test('what is used is counted from what runs and what ran, in the span that is asked about', async (t) => {
  const cloud = await startTestCloud(t);
  const ground = await prepareCompute(t, cloud);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const [running, gone] = [await ground.createServer({ name: 'running' }), await ground.createServer({ name: 'gone' })];
  await cloud.settle();
  await cloud.db('servers').update({ launched_at: '2026-01-01T00:00:00Z', ephemeral_gib: 2 });
  await member.delete(`/compute/v2.1/servers/${gone}`);
  await cloud.settle();
  await cloud.db('past_servers').update({ ended_at: '2026-01-01T06:00:00Z' });

  const span = 'start=2026-01-01T00:00:00&end=2026-01-01T12:00:00';
  const mine = `${path}/${member.projectId}`;
  const { tenant_usage: usage } = await member.get(`${mine}?${span}`);
  t.like(usage, {
    tenant_id: member.projectId,
    total_hours: 18,
    total_vcpus_usage: 18,
    total_memory_mb_usage: 18 * 64,
  });
  t.like(usage, { start: '2026-01-01T00:00:00.000000', stop: '2026-01-01T12:00:00.000000' });
  const of = (id: string) => usage.server_usages.find((one: { instance_id: string }) => one.instance_id === id);
  t.like(of(running), { name: 'running', hours: 12, state: 'active', ended_at: null, flavor: 'tiny', local_gb: 3 });
  t.like(of(gone), {
    local_gb: 3,
    hours: 6,
    state: 'terminated',
    ended_at: '2026-01-01T06:00:00.000000',
    uptime: 6 * 3600,
  });
  t.is((await member.get(`${mine}?start=2026-01-01T07:00:00&end=2026-01-01T08:00:00`)).tenant_usage.total_hours, 1);
  t.deepEqual((await member.get(`${mine}?start=2020-01-01&end=2020-02-01T00:00:00`, 400)).tenant_usage, undefined);
  t.deepEqual((await member.get(`${mine}?start=2020-01-01T00:00:00&end=2020-02-01T00:00:00`)).tenant_usage, {});
  await member.get(mine);

  await stranger.get(mine, 403);
  await member.get(path, 403);
  const all = (await admin.get(`${path}?${span}&detailed=1`)).tenant_usages;
  t.is(all.length, 1);
  t.is(all[0].server_usages.length, 2);
  t.false('server_usages' in (await admin.get(`${path}?${span}`)).tenant_usages[0]);
  const future = (await admin.get(`${path}?start=2026-01-01T00:00:00&end=2126-01-01T00:00:00`)).tenant_usages[0];
  t.true(future.stop < '2100');

  const paged = atVersion(member, '2.40');
  const first = await paged.get(`${mine}?${span}&limit=1`);
  const next = new URL(first.tenant_usage_links[0].href);
  const second = await paged.get(`/compute${next.pathname.split('/compute')[1]}${next.search}`);
  t.is(first.tenant_usage.server_usages.length + second.tenant_usage.server_usages.length, 2);
  t.false('tenant_usage_links' in second);
  t.false('tenant_usage_links' in (await atVersion(member, '2.39').get(`${mine}?${span}&limit=1`)));
  await paged.get(`${mine}?${span}&marker=x`, 400);
  for (const bad of ['start=x', 'end=2026-13-01T00:00:00', 'start=2026-02-01T00:00:00&end=2026-01-01T00:00:00'])
    await member.get(`${mine}?${bad}`, 400);
  await atVersion(member, '2.75').get(`${mine}?strange=1`, 400);

  await cloud.db('past_servers').update({ ended_at: cloud.db.raw("now() - interval '500 days'") });
  await cloud.sweep();
  t.is((await cloud.db('past_servers')).length, 0, 'after some time it is forgotten');
});

test('no host audits usage, and the log says so', async (t) => {
  const cloud = await startTestCloud(t);
  await cloud.settle();
  const admin = cloud.as('admin');
  const log = '/compute/v2.1/os-instance_usage_audit_log';
  t.is((await admin.get(log)).instance_usage_audit_logs.overall_status, '0 of 1 hosts done. 0 errors.');
  const { instance_usage_audit_log: march } = await admin.get(`${log}/${encodeURIComponent('2026-03-15 10:00:00')}`);
  t.like(march, {
    period_beginning: '2026-02-01 00:00:00',
    period_ending: '2026-03-01 00:00:00',
    num_hosts_not_run: 1,
  });
  t.deepEqual(march.hosts_not_run, ['host-1']);
  for (const bad of ['x', '2026-02-30 10:00:00', '2026-03-15'])
    await admin.get(`${log}/${encodeURIComponent(bad)}`, 400);
  await cloud.as('member').get(log, 403);
});

test('hours are those that lie in the span', (t) => {
  const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour));
  const span = { start: at(4), end: at(8) };
  t.is(hoursIn(span, { startedAt: at(0), endedAt: null }), 4);
  t.is(hoursIn(span, { startedAt: at(6), endedAt: at(7) }), 1);
  t.is(hoursIn(span, { startedAt: at(0), endedAt: at(5) }), 1);
  t.is(hoursIn(span, { startedAt: at(9), endedAt: at(10) }), 0);
  t.is(hoursIn(span, { startedAt: at(0), endedAt: at(3) }), 0);
});
