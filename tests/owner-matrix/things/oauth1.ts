import { randomBytes } from 'node:crypto';
import type { Making } from '../things.ts';

/** What signatures would have made is put there: the matrix is about who may see it. */
export async function makeOauth1Things({ cloud, admin, owner, mark }: Making, { commonRole }: { commonRole: string }) {
  const consumer = async (): Promise<string> =>
    (await admin.post('/identity/v3/OS-OAUTH1/consumers', { consumer: { description: mark } })).consumer.id;
  const of = await consumer();
  const token = async (table: string, row: object): Promise<string> => {
    const id = randomBytes(16).toString('hex');
    const expires_at = cloud.db.raw(`now() + interval '1 hour'`);
    await cloud.db(table).insert({ id, consumer_id: of, sealed_secret: 'none', expires_at, ...row });
    return id;
  };
  const allowed = { user_id: owner.userId, project_id: owner.projectId, role_ids: [commonRole] };
  return {
    consumer: of,
    spareConsumer: await consumer(),
    requestToken: await token('oauth1_request_tokens', { project_id: admin.projectId }),
    accessToken: await token('oauth1_access_tokens', allowed),
    spareAccessToken: await token('oauth1_access_tokens', allowed),
  };
}
