import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { Unavailable } from '../../../common/errors.ts';
import { northbound } from './columns.ts';
import { Changes } from './operations.ts';
import { OvsdbClient, TransactionRefused } from './ovsdb.ts';
import type { RowChange } from './replica.ts';
import { startPrivateOvsdb } from './testing/private-ovsdb.ts';
import { until } from './testing/until.ts';

async function setUp(t: ExecutionContext, options: { limitMs?: number; probeMs?: number } = {}) {
  const server = await startPrivateOvsdb();
  const connect = () => {
    const client = new OvsdbClient({
      address: server.address,
      database: 'OVN_Northbound',
      schema: northbound,
      ...options,
    });
    t.teardown(() => client.close());
    return client;
  };
  t.teardown(() => server.remove());
  return { server, connect, client: connect() };
}

type Client = OvsdbClient<typeof northbound>;

async function commit(client: Client, collect: (changes: Changes<typeof northbound>) => void) {
  const changes = new Changes(northbound, await client.tables());
  collect(changes);
  await client.transact(changes.operations);
}

test('what a transaction wrote is in the replica when it returns, and in that of another client soon', async (t) => {
  const { client, connect } = await setUp(t);
  const other = connect();
  await other.tables();
  for (let round = 0; round < 50; round++) {
    const id = randomUUID();
    await commit(client, (changes) =>
      changes.put('Logical_Switch', id, { name: `n${round}`, external_ids: { a: 'b' } }),
    );
    const row = (await client.tables()).find('Logical_Switch', id);
    t.is(row?.name, `n${round}`);
    t.deepEqual(row?.external_ids, { a: 'b' });
    t.is(row?.ports.size, 0);
    await until(
      'the other sees it',
      async () => (await other.tables()).find('Logical_Switch', id)?.name === `n${round}`,
    );
  }
});

test('changes of each type of column reach the replica', async (t) => {
  const { client } = await setUp(t);
  const [id, port, dhcp1, dhcp2] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  await commit(client, (changes) => {
    changes.put('DHCP_Options', dhcp1, { cidr: '10.0.0.0/24' });
    changes.put('DHCP_Options', dhcp2, { cidr: '10.0.1.0/24' });
    changes.put('Logical_Switch', id, { name: 'one', other_config: { keep: '1', change: '1', drop: '1' } });
    changes.put('Logical_Switch_Port', port, { name: 'p', addresses: new Set(['a', 'b']), dhcpv4_options: dhcp1 });
    changes.mutateSet('Logical_Switch', id, 'ports', { add: [port] });
  });
  const show = async () => {
    const tables = await client.tables();
    return [tables.find('Logical_Switch', id), tables.find('Logical_Switch_Port', port)] as const;
  };
  t.deepEqual([...(await show())[0]!.ports], [port]);
  t.is((await show())[1]!.enabled, null);
  await commit(client, (changes) => {
    changes.put('Logical_Switch', id, { name: 'two', other_config: { keep: '1', change: '2', add: '1' } });
    const addresses = new Set(['b', 'c']);
    changes.put('Logical_Switch_Port', port, { addresses, dhcpv4_options: dhcp2, enabled: true });
  });
  const [network, changed] = await show();
  t.is(network!.name, 'two');
  t.deepEqual(network!.other_config, { keep: '1', change: '2', add: '1' });
  t.deepEqual([...changed!.addresses].sort(), ['b', 'c']);
  t.is(changed!.dhcpv4_options, dhcp2);
  t.is(changed!.enabled, true);
  await commit(client, (changes) => changes.put('Logical_Switch_Port', port, { enabled: false, dhcpv4_options: null }));
  t.is((await show())[1]!.enabled, false);
  t.is((await show())[1]!.dhcpv4_options, null);
  await commit(client, (changes) => changes.delete('Logical_Switch', id));
  t.deepEqual(await show(), [undefined, undefined]);
});

test('a row is not inserted twice under one uuid, and an expectation that fails undoes everything', async (t) => {
  const { client, connect } = await setUp(t);
  const id = randomUUID();
  const stale = new Changes(northbound, await client.tables());
  stale.put('Logical_Switch', id, { name: 'late' });
  await commit(connect(), (changes) => changes.put('Logical_Switch', id, { name: 'early' }));
  const twice = await t.throwsAsync(client.transact(stale.operations), { instanceOf: TransactionRefused });
  t.is(twice.reason, 'duplicate uuid');
  t.true(twice.isConflict);

  await until('seen', async () => (await client.tables()).find('Logical_Switch', id) !== undefined);
  const resting = new Changes(northbound, await client.tables());
  resting.expect('Logical_Switch', id, 'name');
  resting.put('DHCP_Options', randomUUID(), { cidr: '10.0.0.0/24' });
  await commit(connect(), (changes) => changes.put('Logical_Switch', id, { name: 'other' }));
  const failed = await t.throwsAsync(client.transact(resting.operations), { instanceOf: TransactionRefused });
  t.is(failed.reason, 'timed out');
  t.true(failed.isConflict);
  t.deepEqual([...(await client.tables()).rows('DHCP_Options')], []);
});

test('a restarted server is found again, and listeners hear what changed meanwhile', async (t) => {
  const { server, client, connect } = await setUp(t);
  const [kept, dropped, added] = [randomUUID(), randomUUID(), randomUUID()];
  await commit(client, (changes) => {
    changes.put('Logical_Switch', kept, { name: 'kept' });
    changes.put('Logical_Switch', dropped, { name: 'dropped' });
  });
  const seen: RowChange[] = [];
  client.onChange((changes) => seen.push(...changes));
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await server.stop(signal);
    await server.start();
  }
  await commit(connect(), (changes) => {
    changes.delete('Logical_Switch', dropped);
    changes.put('Logical_Switch', added, { name: 'added' });
  });
  await until('the addition is heard of', () =>
    seen.some(({ uuid, before }) => uuid === added && before === undefined),
  );
  await until('the deletion is heard of', () =>
    seen.some(({ uuid, after }) => uuid === dropped && after === undefined),
  );
  t.is((await client.tables()).find('Logical_Switch', kept)?.name, 'kept');
});

test('calls fail as unavailable while the server is away, and those under way when it dies', async (t) => {
  const { server, client } = await setUp(t, { limitMs: 300 });
  await client.tables();
  server.freeze();
  const pending = commit(client, (changes) => changes.put('Logical_Switch', randomUUID(), { name: 'x' }));
  await t.throwsAsync(pending, { instanceOf: Unavailable });
  await server.stop('SIGKILL');
  await t.throwsAsync(client.tables(), { instanceOf: Unavailable });
  await server.start();
  await until('it is back', async () => (await client.tables()) !== undefined);
});

test('a silent server is noticed without anybody calling it', async (t) => {
  const { server, client } = await setUp(t, { limitMs: 200, probeMs: 50 });
  await client.tables();
  server.freeze();
  await until('the replica is given up', () =>
    client.tables().then(
      () => false,
      () => true,
    ),
  );
  await server.stop('SIGKILL');
  await server.start();
  await until('it is back', async () => (await client.tables()) !== undefined);
  t.pass();
});

test('hundreds of transactions at once all arrive', async (t) => {
  const { client } = await setUp(t);
  const ids = Array.from({ length: 500 }, () => randomUUID());
  await Promise.all(ids.map((id) => commit(client, (changes) => changes.put('Logical_Switch', id, { name: id }))));
  const tables = await client.tables();
  t.true(ids.every((id) => tables.find('Logical_Switch', id)?.name === id));
});

test('a malformed address is refused at once', (t) => {
  for (const address of ['', '/var/run/x.sock', 'tcp:host', 'tcp:::1:6641', 'ssl:host:6641', 'unix:/a,nonsense']) {
    t.throws(() => new OvsdbClient({ address, database: 'OVN_Northbound', schema: northbound }), undefined, address);
  }
});
