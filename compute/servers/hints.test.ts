import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../testing.ts';
import { startTwoHosts } from './moves/testing.ts';

const servers = '/compute/v2.1/servers';

test('where a server was to be by its hints holds wherever it goes, for as long as the servers that they name are there', async (t) => {
  const { cloud, settle, imageId, createServer, show, hostOf } = await startTwoHosts(t);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const disabled = (name: string, isDisabled: boolean) =>
    cloud.db('compute_hosts').where({ name }).update({ is_disabled: isDisabled });
  const make = async (hints: object) => {
    const server = { name: 'hinted', imageRef: imageId, flavorRef: 'tiny' };
    return (await member.post(servers, { server, 'os:scheduler_hints': hints }, 202)).server.id;
  };
  const act = (id: string, body: object, status = 202, client = admin) =>
    client.post(`${servers}/${id}/action`, body, status);
  const first = await createServer();
  const together = await make({ same_host: first });
  await settle();
  await disabled('host-2', false);
  const apart = await make({ different_host: [first.toUpperCase()] });
  await settle();
  t.deepEqual([await hostOf(first), await hostOf(together), await hostOf(apart)], ['host-1', 'host-1', 'host-2']);

  t.regex((await act(together, { migrate: null }, 400)).badRequest.message, /SameHostFilter/);
  t.regex((await act(apart, { migrate: null }, 400)).badRequest.message, /DifferentHostFilter/);
  const live = { 'os-migrateLive': { host: null, block_migration: 'auto' } };
  const refused = await atVersion(admin, '2.30').post(`${servers}/${apart}/action`, live, 400);
  t.regex(refused.badRequest.message, /DifferentHostFilter/);
  await act(apart, { shelve: null }, 202, member);
  await settle();
  await disabled('host-2', true);
  t.regex((await act(apart, { unshelve: null }, 400, member)).badRequest.message, /DifferentHostFilter/);

  await member.delete(`${servers}/${first}`);
  await settle();
  await act(apart, { unshelve: null }, 202, member);
  await settle();
  t.deepEqual([(await show(apart)).status, await hostOf(apart)], ['ACTIVE', 'host-1']);
  await disabled('host-2', false);
  await act(together, { migrate: null });
  await settle();
  t.is(await hostOf(together), 'host-2');
});

test('hints of Nova that nothing here honours are refused by name, and those of a site are its own', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const server = { name: 'hinted', imageRef: imageId, flavorRef: 'tiny' };
  const hints = {
    query: '[">=", "$free_ram_mb", 1]',
    build_near_host_ip: '192.0.2.1',
    cidr: '/24',
    different_cell: 'a',
    target_cell: 'b',
  };
  for (const [name, value] of Object.entries(hints))
    for (const field of ['os:scheduler_hints', 'OS-SCH-HNT:scheduler_hints']) {
      const { badRequest } = await member.post(servers, { server, [field]: { [name]: value } }, 400);
      t.regex(badRequest.message, new RegExp(`field/attribute ${name}: no filter here honours`));
    }
  await member.post(servers, { server, 'os:scheduler_hints': { rack: 'a' } }, 202);
});
