/** The `openstack` client's commands for what stands in for a user, and logging in with it. */
import test from 'ava';
import { startClientCloud } from '../conformance/cloud.ts';
import { type OpenstackClient, startOpenstack } from './openstack.ts';

/** Somebody who is given what they log in with, and has no password or project of their own. */
const noOne = {
  ...{ OS_USERNAME: '', OS_PASSWORD: '', OS_USER_DOMAIN_ID: '', OS_PROJECT_NAME: '', OS_PROJECT_DOMAIN_ID: '' },
};

const byCredential = (os: OpenstackClient, { id, secret }: { id: string; secret: string }) =>
  os.with({
    ...noOne,
    OS_AUTH_TYPE: 'v3applicationcredential',
    OS_APPLICATION_CREDENTIAL_ID: id,
    OS_APPLICATION_CREDENTIAL_SECRET: secret,
  });

test('an application credential logs in with the roles and rules it was made with', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const member = os.with({ OS_USERNAME: 'member', OS_PASSWORD: 'member-password', OS_PROJECT_NAME: 'p1' });

  const plain = await member.run('application credential create --description d --secret a-secret plain');
  t.like(plain, { name: 'plain', description: 'd', secret: 'a-secret', roles: 'member reader' });
  t.truthy((await byCredential(os, plain).run('token issue')).project_id);
  t.deepEqual(await byCredential(os, plain).run('server list'), []);
  t.not((await byCredential(os, plain).attempt('application credential create another')).code, 0, 'it is restricted');

  const reader = await member.run('application credential create --role reader --expiration 2099-01-01T00:00:00 weak');
  t.is(reader.roles, 'reader');
  t.deepEqual(await byCredential(os, reader).run('network list'), []);
  t.not((await byCredential(os, reader).attempt('network create net')).code, 0);

  const rules = JSON.stringify([{ service: 'network', method: 'GET', path: '/v2.0/networks' }]);
  const narrow = await member.run('application credential create narrow --access-rules', rules);
  t.deepEqual(await byCredential(os, narrow).run('network list'), []);
  t.not((await byCredential(os, narrow).attempt('subnet list')).code, 0);
  t.not((await byCredential(os, narrow).attempt('server list')).code, 0);
  const [rule] = await member.run('access rule list');
  t.like(rule, { Service: 'network', Method: 'GET', Path: '/v2.0/networks' });
  t.like(await member.run(`access rule show ${rule.ID}`), { service: 'network' });
  t.not((await member.attempt(`access rule delete ${rule.ID}`)).code, 0, 'it is used');

  const free = await member.run('application credential create --unrestricted free');
  t.true(free.unrestricted);
  t.is((await byCredential(os, free).run('application credential create --secret s made')).name, 'made');

  t.is((await member.run('application credential list')).length, 5);
  t.like(await member.run('application credential show plain'), { id: plain.id });
  await member.run('application credential delete plain weak narrow free made');
  await member.run(`access rule delete ${rule.ID}`);
  t.deepEqual(await member.run('access rule list'), []);
  t.not((await byCredential(os, plain).attempt('token issue')).code, 0);
  t.deepEqual(cloud.errors(), []);
});

test('a trust lets somebody act in a project as if they had its trustor’s role', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const member = os.with({ OS_USERNAME: 'member', OS_PASSWORD: 'member-password', OS_PROJECT_NAME: 'p1' });
  // Ids, as the client can look names up for an administrator only.
  const id = async (command: string) => (await os.run(command)).id as string;
  const [trustor, trustee] = [await id('user show member'), await id('user show nobody')];
  const [role, reader] = [await id('role show member'), await id('role show reader')];
  const project = await id('project show p1');

  const trust = await member.run(`trust create --project ${project} --role ${role} ${trustor} ${trustee}`);
  t.like(trust, { trustor_user_id: trustor, trustee_user_id: trustee, impersonation: false });
  const nobody = os.with({
    OS_USERNAME: 'nobody',
    OS_PASSWORD: 'nobody-password',
    OS_PROJECT_NAME: '',
    OS_PROJECT_DOMAIN_ID: '',
  });
  const trusted = (trustId: string) => nobody.with({ OS_TRUST_ID: trustId });
  t.is((await trusted(trust.id).run('token issue')).user_id, trustee);
  t.deepEqual(await trusted(trust.id).run('server list'), []);
  await trusted(trust.id).run('network create made-in-trust');

  const posing = await member.run(
    `trust create --project ${project} --role ${reader} --impersonate --expiration 2099-01-01T00:00:00 ${trustor} ${trustee}`,
  );
  t.is((await trusted(posing.id).run('token issue')).user_id, trustor);
  t.not((await trusted(posing.id).attempt('network create refused')).code, 0);

  t.is((await os.run('trust list')).length, 2);
  t.like(await member.run(`trust show ${trust.id}`), { id: trust.id });
  await member.run(`trust delete ${trust.id} ${posing.id}`);
  t.not((await trusted(trust.id).attempt('token issue')).code, 0);
  t.deepEqual(cloud.errors(), []);
});

test('credentials of any kind and those for EC2 are made, shown, listed, changed and deleted', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const made = await os.run('credential create --type cert --project p1 member a-certificate');
  t.like(made, { type: 'cert', blob: 'a-certificate' });
  t.is((await os.run('credential list --type cert')).length, 1);
  await os.run(`credential set --type cert --user member --data another ${made.id}`);
  t.like(await os.run(`credential show ${made.id}`), { blob: 'another' });
  await os.run(`credential delete ${made.id}`);
  t.deepEqual(await os.run('credential list --type cert'), []);

  const member = os.with({ OS_USERNAME: 'member', OS_PASSWORD: 'member-password', OS_PROJECT_NAME: 'p1' });
  const pair = await member.run('ec2 credentials create');
  t.truthy(pair.secret);
  t.is((await member.run('ec2 credentials list')).length, 1);
  t.like(await member.run(`ec2 credentials show ${pair.access}`), { secret: pair.secret });
  await member.run(`ec2 credentials delete ${pair.access}`);
  t.deepEqual(await member.run('ec2 credentials list'), []);
  t.deepEqual(cloud.errors(), []);
});
