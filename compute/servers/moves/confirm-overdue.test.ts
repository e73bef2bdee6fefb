import test from 'ava';
import { startTwoHosts } from './testing.ts';

const servers = '/compute/v2.1/servers';

test('what nobody confirms or reverts in time is confirmed, and the log says why', async (t) => {
  const two = await startTwoHosts(t, { resizeConfirmSeconds: 600 });
  const { cloud, settle, createServer, show, first, second } = two;
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const flavor = { id: 'larger', name: 'larger', ram: 128, vcpus: 1, disk: 1 };
  await admin.post('/compute/v2.1/flavors', { flavor }, 200);
  const create = () => createServer({ networks: [] });
  const [resized, moved, recent] = [await create(), await create(), await create()];
  await settle();
  await cloud.db('compute_hosts').update({ is_disabled: false });
  for (const id of [resized, recent])
    await member.post(`${servers}/${id}/action`, { resize: { flavorRef: 'larger' } }, 202);
  await admin.post(`${servers}/${moved}/action`, { migrate: null }, 202);
  await settle();
  const statuses = async () => Promise.all([resized, moved, recent].map(async (id) => (await show(id)).status));
  const sweep = async () => {
    await cloud.sweep();
    await second.sweep();
    await settle();
  };
  await sweep();
  t.deepEqual(await statuses(), ['VERIFY_RESIZE', 'VERIFY_RESIZE', 'VERIFY_RESIZE']);

  await cloud
    .db('servers')
    .whereIn('id', [resized, moved])
    .update({ updated_at: cloud.db.raw("now() - interval '601 seconds'") });
  await sweep();
  t.deepEqual(await statuses(), ['ACTIVE', 'ACTIVE', 'VERIFY_RESIZE']);
  t.false(first.servers.has(moved), 'nothing of it is left where it came from');
  t.true(second.host.servers.has(moved));
  await member.post(`${servers}/${resized}/action`, { revertResize: null }, 409);
  const { instanceActions } = await member.get(`${servers}/${resized}/os-instance-actions`);
  const [last] = instanceActions;
  t.like(last, { action: 'confirmResize', user_id: null });
  t.is((await cloud.db('server_migrations').where({ server_id: moved }).first('status'))?.status, 'confirmed');
  await member.post(`${servers}/${recent}/action`, { revertResize: null }, 202);
});
