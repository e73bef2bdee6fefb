import { existsSync } from 'node:fs';
import test from 'ava';
import knex from 'knex';
import { startTemporaryPostgres } from './postgres-temporary.ts';

test('a temporary database answers to knex, makes databases, and leaves nothing behind', async (t) => {
  const postgres = await startTemporaryPostgres();
  t.teardown(postgres.stop);
  const db = knex({ client: 'pg', connection: postgres.url });
  await db.raw('create database other');
  const { rows } = await db.raw('select current_user as me');
  t.is(rows[0].me, 'cirrostack');
  await db.destroy();
  const home = new URL(postgres.url).searchParams.get('host')!;
  t.true(existsSync(home));
  await postgres.stop();
  t.false(existsSync(home));
});
