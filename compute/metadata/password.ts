/** The password that a guest made up for its administrator, encrypted for its owner's key (nova/api/metadata/password.py). */
import { isUtf8 } from 'node:buffer';
import type { ProjectContext } from '../../common/context.ts';
import { visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import type { MetadataAnswer, MetadataRequest } from '../../network/metadata/driver.ts';
import { getServer } from '../servers/store.ts';

/** Four of nova's rows of 255 characters. */
const mostBytes = 1020;

/** The guest reads it, or says it, once: another one comes after its owner has forgotten the first. */
export async function answerPassword(
  db: Knex,
  serverId: string,
  { method, body }: Pick<MetadataRequest, 'method' | 'body'>,
): Promise<MetadataAnswer> {
  if (method === 'GET' || method === 'HEAD') return plain(200, await readPassword(db, serverId));
  if (method !== 'POST') return plain(400, 'GET and POST only are supported.');
  if (body.length > mostBytes) return plain(400, 'Request is too large.');
  if (!isUtf8(body) || body.includes(0)) return plain(400, 'The password is no text.');
  if (body.length === 0) return plain(200, '');
  const taken = await db('server_boot_data')
    .where({ server_id: serverId })
    .whereNull('password')
    .update({ password: body.toString('utf8') });
  return taken === 0 ? plain(409, 'There is a password already.') : plain(200, '');
}

/** Empty when the guest has not said one. Throws `NotFound`. */
export async function getServerPassword(db: Knex, ctx: ProjectContext, id: string): Promise<string> {
  const server = await getServer(db, visibleTo(ctx), id);
  return readPassword(db, server.id);
}

/** Throws `NotFound`. */
export async function forgetServerPassword(db: Knex, ctx: ProjectContext, id: string): Promise<void> {
  const server = await getServer(db, visibleTo(ctx), id);
  await db('server_boot_data').where({ server_id: server.id }).update({ password: null });
}

async function readPassword(db: Knex, serverId: string): Promise<string> {
  const row = await db('server_boot_data').where({ server_id: serverId }).first('password');
  return row?.password ?? '';
}

const plain = (status: number, body: string): MetadataAnswer => ({
  status,
  contentType: 'text/plain; charset=UTF-8',
  body,
});
