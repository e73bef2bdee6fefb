import test from 'ava';
import type { Knex } from '../../common/database/database.ts';
import type { Notifications } from '../../common/database/notifications.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { revoke, watchRevocations } from './revocations.ts';
import type { Token } from './token.ts';

const token: Token = {
  userId: 'somebody',
  userDomainId: 'd',
  scope: { type: 'unscoped' },
  roles: [],
  methods: ['password'],
  auditIds: ['a'],
  epoch: 0,
  issuedAtUs: 1,
  delegation: null,
  federation: null,
  expiresAt: new Date(Date.now() + 60_000),
};

/** The database, where something happens between the first answer and whoever asked for it. */
function betweenAnswerAndReader(db: Knex, act: () => Promise<void>): Knex {
  let isDone = false;
  const query = (table: string) => {
    const builder = db(table);
    const answer = builder.then.bind(builder);
    const late = async () => {
      const rows = await answer((all) => all);
      if (!isDone) {
        isDone = true;
        await act();
      }
      return rows;
    };
    // biome-ignore lint/suspicious/noThenProperty: builders of queries are thenables, and this is one
    return Object.assign(builder, { then: (...handlers: Parameters<typeof answer>) => late().then(...handlers) });
  };
  return Object.assign(query, { fn: db.fn, raw: db.raw.bind(db) }) as unknown as Knex;
}

test('what is revoked while a process reads the revocations for the first time is heard of', async (t) => {
  const cloud = await startTestCloud(t);
  const listeners = new Set<(id: string | undefined) => void>();
  const notifications: Notifications = {
    subscribe(_topic, listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    connected: () => true,
    stop: async () => undefined,
  };
  const db = betweenAnswerAndReader(cloud.db, async () => {
    await revoke(cloud.db, 'user:somebody', 60);
    for (const tell of listeners) tell('user:somebody');
  });
  const revocations = await watchRevocations(db, notifications);
  for (const end = Date.now() + 60_000; !(await revocations.isRevoked(token)) && Date.now() < end; )
    await new Promise((resolve) => setTimeout(resolve, 10));
  t.true(await revocations.isRevoked(token));
  revocations.stop();
  t.is(listeners.size, 0);
});

test('a process that cannot read the revocations does not stay subscribed', async (t) => {
  const cloud = await startTestCloud(t);
  let subscribed = 0;
  const notifications: Notifications = {
    subscribe() {
      subscribed += 1;
      return () => {
        subscribed -= 1;
      };
    },
    connected: () => true,
    stop: async () => undefined,
  };
  const db = betweenAnswerAndReader(cloud.db, async () => {
    throw new Error('the line broke');
  });
  await t.throwsAsync(watchRevocations(db, notifications), { message: 'the line broke' });
  t.is(subscribed, 0);
});

test('revoking removes what has expired, and waits for nobody else who does', async (t) => {
  const cloud = await startTestCloud(t);
  const expired = (subject: string) =>
    cloud.db.raw(`insert into token_revocations (subject, epoch, expires_at) values (?, 1, now() - interval '1 s')`, [
      subject,
    ]);
  const subjects = () => cloud.db('token_revocations').orderBy('subject').pluck('subject');
  await expired('user:held');
  await cloud.db.transaction(async (trx) => {
    await trx('token_revocations').forUpdate().select('id'); // as whoever is removing it does
    await expired('user:free');
    await revoke(cloud.db, 'user:new', 60);
    t.deepEqual(await subjects(), ['user:held', 'user:new']);
  });
  await revoke(cloud.db, 'user:newer', 60);
  t.deepEqual(await subjects(), ['user:new', 'user:newer']);
});
