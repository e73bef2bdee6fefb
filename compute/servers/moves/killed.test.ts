/** Either agent may end between any two steps of a move. Here the one of the host that is left does, at each of its steps in turn. */
import test from 'ava';
import { atVersion } from '../../testing.ts';
import { throughDeaths } from './deaths.ts';
import { startTwoHosts } from './testing.ts';

const servers = '/compute/v2.1/servers';

test('a server that goes to another host is on one of them in the end, wherever the process is killed that lets it go', async (t) => {
  const two = await startTwoHosts(t);
  const { cloud, settle, createServer, show, first, second, hostOf } = two;
  const admin = atVersion(cloud.as('admin'), '2.80');
  const deaths: Record<string, number> = {};
  for (const body of [{ migrate: null }, { 'os-migrateLive': { block_migration: 'auto', host: null } }]) {
    await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ is_disabled: true });
    const id = await createServer({ networks: [] });
    await settle();
    await cloud.db('compute_hosts').update({ is_disabled: false });
    await admin.post(`${servers}/${id}/action`, body, 202);
    const [name = ''] = Object.keys(body);
    deaths[name] = await throughDeaths(two, 'host-1', id);
    await settle();
    const { status } = await show(id);
    t.true(['VERIFY_RESIZE', 'ACTIVE'].includes(status), `${name}: ${status}`);
    if (status === 'VERIFY_RESIZE') {
      await cloud.as('member').post(`${servers}/${id}/action`, { confirmResize: null }, 204);
      await settle();
    }
    const [there, elsewhere] = (await hostOf(id)) === 'host-1' ? [first, second.host] : [second.host, first];
    t.is(there.servers.get(id)?.power, 'running', name);
    t.false(elsewhere.servers.has(id), name);
    t.deepEqual(
      [...elsewhere.disks.keys()].filter((one) => one.startsWith(id)),
      [],
      name,
    );
    t.deepEqual(await cloud.db('server_actions').where({ server_id: id, finished_at: null }), []);
    t.is((await cloud.db('compute_claims').where({ id })).length, 1);
  }
  for (const [what, count] of Object.entries(deaths)) t.true(count >= 8, `${what}: ${count} deaths`);
  t.log('deaths survived', deaths);
});
