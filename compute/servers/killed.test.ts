/** Our process may end between any two lines. Here it ends at each step in turn: every call of a driver, before it and after it, and every statement. */
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { prepareCompute } from '../testing.ts';
import { reconcileThroughDeaths } from './deaths.ts';

test('a server comes to what was asked for, wherever the process is killed', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, host, imageId } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const act = (id: string, body: object) => member.post(`/compute/v2.1/servers/${id}/action`, body, 202);
  const id = await createServer();
  const flavor = { id: 'more', name: 'more', ram: 128, vcpus: 1, disk: 2 };
  await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
  const deaths: Record<string, number> = {};

  deaths.create = await reconcileThroughDeaths(cloud, id);
  t.is((await show(id)).status, 'ACTIVE');
  await act(id, { 'os-stop': null });
  deaths.stop = await reconcileThroughDeaths(cloud, id);
  t.is((await show(id)).status, 'SHUTOFF');
  await act(id, { 'os-start': null });
  deaths.start = await reconcileThroughDeaths(cloud, id);
  t.is((await show(id)).status, 'ACTIVE');
  await act(id, { reboot: { type: 'HARD' } });
  deaths.reboot = await reconcileThroughDeaths(cloud, id);
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  /** An action, the status that it leads to, and what it leads away from. */
  const wishes: [object, string, number?][] = [
    [{ pause: null }, 'PAUSED'],
    [{ unpause: null }, 'ACTIVE'],
    [{ suspend: null }, 'SUSPENDED'],
    [{ resume: null }, 'ACTIVE'],
    [{ rescue: null }, 'RESCUE', 200],
    [{ unrescue: null }, 'ACTIVE'],
    [{ rebuild: { imageRef: imageId } }, 'ACTIVE'],
    [{ resize: { flavorRef: 'more' } }, 'VERIFY_RESIZE'],
    [{ revertResize: null }, 'ACTIVE'],
    [{ resize: { flavorRef: 'more' } }, 'VERIFY_RESIZE'],
    [{ confirmResize: null }, 'ACTIVE', 204],
    [{ createImage: { name: 'kept' } }, 'ACTIVE'],
    [{ shelve: null }, 'SHELVED_OFFLOADED'],
    [{ unshelve: null }, 'ACTIVE'],
  ];
  for (const [body, status, answer = 202] of wishes) {
    await member.post(`/compute/v2.1/servers/${id}/action`, body, answer);
    const [name = ''] = Object.keys(body);
    deaths[name] = await reconcileThroughDeaths(cloud, id);
    t.like(await show(id), { status, 'OS-EXT-STS:task_state': null }, name);
  }
  const { images } = await member.get('/image/v2/images?name=kept');
  t.like(images[0], { status: 'active', image_type: 'snapshot', instance_uuid: id });
  await cloud
    .db('server_boot_data')
    .where({ server_id: id })
    .update({ image_properties: '{"hw_qemu_guest_agent":"yes"}' });
  const changed = act(id, { changePassword: { adminPass: 'open sesame' } });
  while ((await show(id)).status !== 'PASSWORD') await new Promise((resolve) => setTimeout(resolve, 5));
  deaths.changePassword = await reconcileThroughDeaths(cloud, id);
  await changed;
  t.deepEqual(host.passwords.get(id), { user: 'root', password: 'open sesame' });
  host.forget(id);
  deaths.lose = await reconcileThroughDeaths(cloud, id);
  t.is(host.servers.get(id)?.power, 'running');

  const actions = await cloud.db('server_actions').where({ server_id: id, finished_at: null });
  t.deepEqual(actions, []);
  await member.delete(`/compute/v2.1/servers/${id}`);
  deaths.delete = await reconcileThroughDeaths(cloud, id);
  await member.get(`/compute/v2.1/servers/${id}`, 404);
  t.is(host.servers.size, 0);
  for (const [what, count] of Object.entries(deaths)) t.true(count >= 4, `${what}: ${count} deaths`);
  t.log('deaths survived', deaths);
});
