import test from 'ava';
import { createTestDatabase } from '../../tests/database.ts';
import { arrayRows } from './array-rows.ts';
import { openDatabase } from './database.ts';

test('values are read by the names of their columns', async (t) => {
  const db = openDatabase(await createTestDatabase(t, []), { max: 1 });
  t.teardown(() => db.destroy());
  const values: unknown[][] = await db
    .from(db.raw("(values (1, 'a', null), (2, 'b', true)) as things (number, name, is_whole)"))
    .select('number', 'name', 'is_whole')
    .orderBy('number')
    .options({ rowMode: 'array' });
  const rows = values.map(arrayRows(['number', 'name', 'is_whole']));
  t.deepEqual(
    rows.map((row) => [row.number, row.name, row.is_whole]),
    [
      [1, 'a', null],
      [2, 'b', true],
    ],
  );
});
