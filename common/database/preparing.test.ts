import test from 'ava';
import { createTestDatabase } from '../../tests/database.ts';
import { type Knex, openDatabase } from './database.ts';
import { selectPage } from './page.ts';

/** The statements about `things` that the connection of this pool of one has prepared. */
async function prepared(db: Knex): Promise<string[]> {
  const { rows } = await db.raw(`select statement from pg_prepared_statements where statement like '%"things"%'`);
  return rows.map((row: { statement: string }) => row.statement);
}

async function openThings(t: Parameters<typeof createTestDatabase>[0], { max = 1 } = {}): Promise<Knex> {
  const db = openDatabase(await createTestDatabase(t, []), { max });
  t.teardown(() => db.destroy());
  await db.schema.createTable('things', (table) => {
    table.increments();
  });
  return db;
}

test.serial('what is asked often is prepared, also within transactions, and what is asked once is not', async (t) => {
  const db = await openThings(t);
  await db('things').insert({ id: 1 });
  for (let time = 0; time < 30; time += 1)
    await db.transaction(async (trx) =>
      t.is((await trx('things').where({ id: time }).select('id')).length, time === 1 ? 1 : 0),
    );
  t.deepEqual(await prepared(db), ['select "id" from "things" where "id" = $1']);
});

test.serial('a table that gets a column meanwhile costs one failure, and then all its columns are there', async (t) => {
  const db = await openThings(t);
  await db('things').insert({ id: 1 });
  const whole = () => db('things').where({ id: 1 }).first();
  for (let time = 0; time < 30; time += 1) await whole();
  await db.schema.alterTable('things', (table) => {
    table.text('colour').defaultTo('blue');
  });
  await t.throwsAsync(whole, { message: /cached plan must not change result type/ });
  t.deepEqual(await whole(), { id: 1, colour: 'blue' });
  for (let time = 0; time < 30; time += 1) t.is((await whole()).colour, 'blue');
});

test.serial('pages are not, as clients choose what they are sorted and filtered by', async (t) => {
  const db = await openThings(t);
  const rows = await db('things')
    .insert([{ id: 1 }, { id: 2 }])
    .returning('id');
  for (let time = 0; time < 30; time += 1)
    for (const marker of [undefined, String(rows[0].id)]) {
      const sort = [{ column: 'id', direction: 'asc' as const }];
      const page = await selectPage(db('things').select('id'), { limit: 10, marker }, sort);
      t.is(page.rows.length, marker === undefined ? 2 : 1);
    }
  t.deepEqual(await prepared(db), []);
});

test.serial('however many different statements there are, only so many are prepared', async (t) => {
  const db = await openThings(t);
  for (let values = 1; values <= 240; values += 1)
    for (let time = 0; time < 10; time += 1)
      await db('things')
        .whereIn(
          'id',
          Array.from({ length: values }, (_, id) => id),
        )
        .select('id');
  t.true((await prepared(db)).length <= 200);
});
