import test from 'ava';
import { createTestDatabase } from '../../tests/database.ts';
import { type Knex, openDatabase } from './database.ts';
import { type SortKey, selectPage } from './page.ts';

interface Thing {
  id: number;
  a: number;
  b: number;
  c: number | null;
  d: number | null;
}

const columns = ['a', 'b', 'c', 'd', 'id'] as const;
const directions = ['asc', 'desc'] as const;

/** The same numbers from the same seed (mulberry32). */
function randomFrom(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Null is the greatest, and the id breaks ties in the direction of the last key. */
function inOrder(things: Thing[], keys: SortKey[]): number[] {
  const all: SortKey[] = [...keys, { column: 'id', direction: keys.at(-1)?.direction ?? 'asc' }];
  const rank = (value: number | null) => value ?? Number.POSITIVE_INFINITY;
  return things
    .toSorted((one, other) => {
      for (const { column, direction } of all) {
        const [x, y] = [rank(one[column as keyof Thing]), rank(other[column as keyof Thing])];
        if (x !== y) return x < y === (direction === 'asc') ? -1 : 1;
      }
      return 0;
    })
    .map(({ id }) => id);
}

async function pagesOf(db: Knex, keys: SortKey[], limit: number): Promise<number[]> {
  const seen: number[] = [];
  for (let more = true; more; ) {
    const marker = seen.at(-1)?.toString();
    const page = await selectPage<Thing>(db('things').select('*'), { limit, marker }, keys);
    seen.push(...page.rows.map(({ id }) => id));
    more = page.more;
  }
  return seen;
}

test('pages, put together, are the whole in its order, whatever the keys, their directions, ties and nulls', async (t) => {
  const seed = Number(process.env.PAGE_SEED ?? Date.now() % 2 ** 31);
  t.log(`PAGE_SEED=${seed}`);
  const random = randomFrom(seed);
  const db = openDatabase(await createTestDatabase(t, []));
  t.teardown(() => db.destroy());
  await db.raw(
    'create table things (id integer primary key, a integer not null, b integer not null, c integer, d integer)',
  );
  await db.raw('create index on things (a, b, id)');
  const few = () => random(4);
  const maybe = () => (random(3) === 0 ? null : few());
  const things: Thing[] = Array.from({ length: 60 }, (_, id) => ({ id, a: few(), b: few(), c: maybe(), d: maybe() }));
  await db('things').insert(things);
  for (let round = 0; round < 40; round++) {
    const chosen = columns.toSorted(() => random(3) - 1).slice(0, random(columns.length));
    const keys = chosen.map((column): SortKey => {
      const key = { column, direction: directions[random(2)]! };
      return column === 'c' || column === 'd' ? { ...key, isNullable: true } : key;
    });
    t.deepEqual(await pagesOf(db, keys, 7 + random(20)), inOrder(things, keys), JSON.stringify(keys));
  }
});

test('a marker deep in an order is a place in its index, in one direction and in two', async (t) => {
  const db = openDatabase(await createTestDatabase(t, []));
  t.teardown(() => db.destroy());
  await db.raw('create table things (id integer primary key, a integer not null, b integer not null)');
  await db.raw('create index on things (a, id)');
  await db.raw('insert into things select i, i, i % 10 from generate_series(1, 20000) as i');
  await db.raw('analyze things');
  for (const keys of [
    [{ column: 'a', direction: 'asc' }],
    [
      { column: 'a', direction: 'desc' },
      { column: 'b', direction: 'asc' },
    ],
  ] satisfies SortKey[][]) {
    const asked: { sql: string; bindings: number[] }[] = [];
    db.on('query', (query) => asked.push(query));
    await selectPage(db('things').select('*'), { limit: 100, marker: '10000' }, keys);
    db.removeAllListeners('query');
    const { sql, bindings } = asked.at(-1)!;
    const plan = await db.raw(
      `explain (analyze, format json) ${sql.replace(/\$(\d+)/g, (_, n) => String(bindings[n - 1]))}`,
    );
    const [{ Plan }] = plan.rows[0]['QUERY PLAN'];
    t.true(rowsRead(Plan) < 1000, JSON.stringify(Plan));
  }
});

interface Plan {
  'Actual Rows': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}

/** By the scans at the bottom. */
function rowsRead({ Plans, ...plan }: Plan): number {
  if (Plans) return Plans.reduce((sum, one) => sum + rowsRead(one), 0);
  return plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0);
}
