/** `Idempotency-Key`: a creation that is asked for again, because nobody got to read its answer, is done once. */
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { pino } from 'pino';
import { buildCloud } from '../cloud.ts';
import { answersReconciler } from '../common/idempotency/answers.ts';
import { SimulatedHost } from '../compute/drivers/simulated/host.ts';
import { simulatedDrivers } from '../drivers.ts';
import { type Client, startTestCloud } from './cloud.ts';

const asking =
  (client: Client, path: string, method = 'POST') =>
  (key: string | undefined, body: unknown, headers: Record<string, string> = {}) =>
    client.request({
      method,
      path,
      body,
      headers: { ...(key !== undefined && { 'idempotency-key': key }), ...headers },
    });

const keypairs = '/compute/v2.1/os-keypairs';
const networks = '/network/v2.0/networks';

test('a creation is done once for a key, and its first answer is given again', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const make = asking(member, networks);
  const body = { network: { name: 'once' } };
  const first = await make('k1', body);
  t.is(first.status, 201);
  t.is(first.headers['idempotency-replayed'], undefined);
  const again = await make('k1', body);
  t.is(again.status, 201);
  t.is(again.text, first.text);
  t.is(again.headers['idempotency-replayed'], 'true');
  t.is(again.headers['content-type'], first.headers['content-type']);
  t.not(again.headers['x-openstack-request-id'], first.headers['x-openstack-request-id']);
  const { networks: listed } = await member.get(`${networks}?name=once`);
  t.is(listed.length, 1);

  const flavor = { flavor: { name: 'f', ram: 64, vcpus: 1, disk: 1 } };
  const makeFlavor = asking(cloud.as('admin'), '/compute/v2.1/flavors');
  const [one, same] = [await makeFlavor('f', flavor), await makeFlavor('f', flavor)];
  t.deepEqual([one.status, same.status, same.text], [200, 200, one.text], 'also where the status goes without saying');

  const other = await make('k1', { network: { name: 'twice' } });
  t.is(other.status, 422);
  t.is(other.body.NeutronError.type, 'KeyReused', 'in the words of the service');
  t.is((await asking(member, '/network/v2.0/routers')('k1', { router: {} })).status, 422, 'nor for another path');
  t.is((await make(undefined, body)).status, 201, 'without a key there is a second one');
  t.not((await make('k2', body)).body.network.id, first.body.network.id);

  // A key belongs to a user in a project, and is nobody else's answer.
  for (const persona of ['admin', 'stranger'] as const) {
    const theirs = await asking(cloud.as(persona), networks)('k1', body);
    t.is(theirs.status, 201, persona);
    t.not(theirs.body.network.id, first.body.network.id);
  }
  t.is((await asking(cloud.as('reader'), networks)('k1', body)).status, 403, 'rights come first');

  for (const bad of ['', 'a b', 'é', 'x'.repeat(256)]) t.is((await make(bad, body)).status, 400, bad);
  const made = await cloud
    .db('idempotent_answers')
    .where({ user_id: member.userId })
    .select('key', 'method', 'path', 'status');
  t.deepEqual(
    made.find(({ key }) => key === 'k1'),
    { key: 'k1', method: 'post', path: networks, status: 201 },
  );
});

test('what fails is no answer to keep: nothing was done, and the key is free', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const make = asking(member, keypairs);
  const body = { keypair: { name: 'mine' } };
  t.is((await make(undefined, body)).status, 200);
  t.is((await make('k', body)).status, 409, 'the name is taken');
  await member.delete(`${keypairs}/mine`, 202);
  t.is((await make('k', body)).status, 200);
  t.is((await make('k', body)).status, 200);
  t.is((await member.get(keypairs)).keypairs.length, 1);
});

test('secrets in answers come again, and are sealed in the database', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const first = await asking(member, keypairs)('k', { keypair: { name: 'mine' } });
  const { private_key: secret } = first.body.keypair;
  t.regex(secret, /PRIVATE KEY/);
  t.is((await asking(member, keypairs)('k', { keypair: { name: 'mine' } })).body.keypair.private_key, secret);
  const [row] = await cloud.db('idempotent_answers');
  t.false(JSON.stringify(row).includes('PRIVATE'));
  t.false(JSON.stringify(row).includes(secret.slice(40, 80)));
  t.false(Buffer.from(row.sealed, 'base64').toString('latin1').includes('PRIVATE'));
});

test('what one process did and could not tell any more, another one tells', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const body = { network: { name: 'n' } };
  const lost = await asking(member, networks)('k', body);
  const other = await buildCloud(cloud.config, pino({ level: 'silent' }), simulatedDrivers(new SimulatedHost()));
  t.teardown(() => other.stop());
  const headers = { 'x-auth-token': await member.token(), 'idempotency-key': 'k' };
  const { statusCode, payload } = await other.server.inject({ method: 'POST', url: networks, headers, payload: body });
  t.is(statusCode, 201);
  t.is(payload, lost.text);
  t.is((await member.get(`${networks}?name=n`)).networks.length, 1);
});

test('while the first is under way the second is told so; when the first dies before its end, the second is the first', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const body = { network: { name: 'slow' } };
  const make = asking(member, networks);
  const answers = await Promise.all(Array.from({ length: 6 }, () => make('k', body)));
  const ids = new Set(answers.filter(({ status }) => status === 201).map((answer) => answer.body.network.id));
  t.is(ids.size, 1);
  t.true(answers.every(({ status }) => status === 201 || status === 409));
  t.is((await member.get(`${networks}?name=slow`)).networks.length, 1);

  // Dead after it has done all its work, and before PostgreSQL has heard that it counts.
  await cloud.db.raw(`
    create function die() returns trigger language plpgsql as $$
      begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`);
  await cloud.db.raw('create trigger die before insert on idempotent_answers for each row execute function die()');
  const dead = await make('k2', { network: { name: 'dead' } });
  t.is(dead.status, 503);
  t.is((await member.get(`${networks}?name=dead`)).networks.length, 0, 'nothing without its answer');
  await cloud.db.raw('drop trigger die on idempotent_answers');
  t.is((await make('k2', { network: { name: 'dead' } })).status, 201);
});

test('keys are forgotten after a day, and one user keeps only so many', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const make = asking(member, networks);
  await make('k', { network: { name: 'a' } });
  await cloud.db('idempotent_answers').update({ created_at: cloud.db.raw("now() - interval '25 hours'") });
  const { body, status } = await make('k', { network: { name: 'b' } });
  t.is(status, 201);
  t.is(body.network.name, 'b');
  await make('l', { network: { name: 'c' } });
  await cloud
    .db('idempotent_answers')
    .where({ key: 'l' })
    .update({ created_at: cloud.db.raw("now() - interval '25 hours'") });
  await answersReconciler(cloud).sweep?.();
  t.deepEqual(await cloud.db('idempotent_answers').pluck('key'), ['k']);

  await cloud.db.raw(
    `insert into idempotent_answers (user_id, acting_as, key, method, path, status, sealed)
     select ?, '', n::text, 'post', '/', 200, '' from generate_series(1, 10000) n`,
    [member.userId],
  );
  const refused = await make('one-more', { network: { name: 'd' } });
  t.is(refused.status, 429);
  t.is((await make('k', { network: { name: 'b' } })).status, 201, 'what is kept is still given');
});

test('what makes nothing takes no key, and says so', async (t) => {
  const cloud = await startTestCloud(t);
  const { status, body } = await asking(cloud.as('member'), `/compute/v2.1/servers/${randomUUID()}/action`)('k', {
    'os-start': null,
  });
  t.is(status, 400);
  t.regex(body.badRequest.message, /No Idempotency-Key is taken here/);
});
