import test from 'ava';
import { pino } from 'pino';
import { createTestDatabase } from '../../tests/database.ts';
import { openDatabase } from './database.ts';
import { seekLeadership } from './leadership.ts';
import { type Migration, migrate } from './migrate.ts';
import { listenForNotifications, notify } from './notifications.ts';
import { selectPage } from './page.ts';

const log = pino({ level: 'silent' });

/** Resolves once `condition` holds; the test's own time limit is the only clock. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('two processes that migrate at once apply each step once', async (t) => {
  const url = await createTestDatabase(t, []);
  const applied: string[] = [];
  const steps: Migration[] = ['a/0001', 'b/0001'].map((name) => ({
    name,
    async up(db) {
      applied.push(name);
      await db.schema.createTable(name.replace('/', '_'), (table) => {
        table.increments();
      });
    },
  }));
  const [one, two] = [openDatabase(url), openDatabase(url)];
  t.teardown(() => Promise.all([one.destroy(), two.destroy()]));
  await Promise.all([migrate(one, steps), migrate(two, steps)]);
  t.deepEqual(applied, ['a/0001', 'b/0001']);
});

test('a migration that fails leaves nothing behind and does not block the next try', async (t) => {
  const db = openDatabase(await createTestDatabase(t, []));
  t.teardown(() => db.destroy());
  let broken = true;
  const steps: Migration[] = [
    {
      name: 'a/0001',
      async up(trx) {
        await trx.schema.createTable('half', (table) => {
          table.increments();
        });
        if (broken) throw new Error('halfway');
      },
    },
  ];
  await t.throwsAsync(() => migrate(db, steps), { message: /halfway/ });
  t.false(await db.schema.hasTable('half'));
  broken = false;
  await migrate(db, steps);
  t.true(await db.schema.hasTable('half'));
});

test('notices arrive when their transaction commits, and never when it does not', async (t) => {
  const url = await createTestDatabase(t, []);
  const db = openDatabase(url);
  const notifications = listenForNotifications(url, log);
  t.teardown(async () => {
    await notifications.stop();
    await db.destroy();
  });
  const heard: (string | undefined)[] = [];
  notifications.subscribe('things', (id) => heard.push(id));
  await until(() => notifications.connected());
  await t.throwsAsync(() =>
    db.transaction(async (trx) => {
      await notify(trx, 'things', 'rolled back');
      throw new Error('no');
    }),
  );
  await db.transaction((trx) => notify(trx, 'things', 'with a space'));
  await until(() => heard.includes('with a space'));
  t.false(heard.includes('rolled back'));
});

test('a lost connection is made again, and listeners are told to look at everything', async (t) => {
  const url = await createTestDatabase(t, []);
  const db = openDatabase(url);
  const notifications = listenForNotifications(url, log);
  t.teardown(async () => {
    await notifications.stop();
    await db.destroy();
  });
  await until(() => notifications.connected());
  const heard: (string | undefined)[] = [];
  notifications.subscribe('things', (id) => heard.push(id));
  await db.raw(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cirrostack notifications' and datname = current_database()",
  );
  await until(() => heard.length > 0); // it may be there again before anybody has looked
  await until(() => notifications.connected());
  t.deepEqual(heard, [undefined]);
});

test('one of two leads; the other takes over when the first loses its connection or stops', async (t) => {
  const url = await createTestDatabase(t, []);
  const db = openDatabase(url);
  const first = seekLeadership(url, 'controllers', log, { retryMs: 20 });
  await until(() => first.held());
  const second = seekLeadership(url, 'controllers', log, { retryMs: 20 });
  t.teardown(async () => {
    await Promise.all([first.stop(), second.stop()]);
    await db.destroy();
  });
  let won = 0;
  second.onWon(() => {
    won += 1;
  });
  t.false(second.held());
  await first.stop();
  t.false(first.held());
  await until(() => second.held());
  t.is(won, 1);
  await db.raw(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cirrostack lock controllers' and datname = current_database()",
  );
  await until(() => won === 2); // it may be lost and won again before anybody has looked
  t.true(second.held());
});

test('pages by marker neither repeat nor skip, also where sort values are equal', async (t) => {
  const db = openDatabase(await createTestDatabase(t, []));
  t.teardown(() => db.destroy());
  await db.schema.createTable('things', (table) => {
    table.text('id').primary();
    table.integer('rank');
  });
  await db('things').insert([...'abcdefg'].map((id, i) => ({ id, rank: i % 2 })));
  const seen: string[] = [];
  let marker: string | undefined;
  for (let more = true; more; ) {
    const page = await selectPage<{ id: string }>(db('things').select('id'), { limit: 3, marker }, [
      { column: 'rank', direction: 'desc' },
    ]);
    seen.push(...page.rows.map((row) => row.id));
    marker = seen.at(-1);
    more = page.more;
  }
  t.deepEqual(seen, ['f', 'd', 'b', 'g', 'e', 'c', 'a']);
  await t.throwsAsync(() => selectPage(db('things').select('id'), { limit: 3, marker: 'nobody' }, []), {
    message: /marker/,
  });
});
