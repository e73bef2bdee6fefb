/** The `openstack` client's commands for programs that act for users by OAuth 1.0, signed by its own library. */
import test from 'ava';
import { startClientCloud } from '../conformance/cloud.ts';
import { startOpenstack } from './openstack.ts';

test('a consumer is made, authorized for one role, and logs in with its access token', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const consumer = await os.run('consumer create --description program');
  t.like(consumer, { description: 'program' });
  await os.run(`consumer set --description robot ${consumer.id}`);
  t.like(await os.run(`consumer show ${consumer.id}`), { description: 'robot' });
  t.is((await os.run('consumer list')).length, 1);

  const signer = ['--consumer-key', consumer.id, '--consumer-secret', consumer.secret];
  const request = await os.run('request token create --project admin', ...signer);
  const { oauth_verifier: verifier } = await authorized(request.id);
  const pair = ['--request-key', request.id, '--request-secret', request.secret, '--verifier', verifier];
  const access = await os.run('access token create', ...signer, ...pair);

  const robot = os.with({
    ...{ OS_USERNAME: '', OS_PASSWORD: '', OS_USER_DOMAIN_ID: '', OS_PROJECT_NAME: '', OS_PROJECT_DOMAIN_ID: '' },
    ...{ OS_AUTH_TYPE: 'v3oauth1', OS_CONSUMER_KEY: consumer.id, OS_CONSUMER_SECRET: consumer.secret },
    ...{ OS_ACCESS_KEY: access.id, OS_ACCESS_SECRET: access.secret },
  });
  t.truthy((await robot.run('token issue')).project_id);
  t.deepEqual(await robot.run('server list'), []);
  t.not((await robot.attempt('network create refused')).code, 0, 'its role is reader alone');
  await os.run(`consumer delete ${consumer.id}`);
  t.not((await robot.attempt('token issue')).code, 0);
  t.deepEqual(cloud.errors(), []);

  async function authorized(id: string): Promise<{ oauth_verifier: string }> {
    const { code, stdout, stderr } = await os.attempt(
      'request token authorize --role reader -f json --request-key',
      id,
    );
    t.is(code, 0, stderr);
    return JSON.parse(stdout);
  }
});
