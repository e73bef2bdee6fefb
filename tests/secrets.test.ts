/** That nothing secret is written where more people read than may use it: logs, errors, and the database, of which there are backups. */
import test from 'ava';
import { Secret } from '../common/secret.ts';
import { passcodeOf } from '../identity/tokens/methods/totp.ts';
import { startTestCloud, type TestCloud } from './cloud.ts';

const identity = '/identity/v3';
const logInPath = `${identity}/auth/tokens`;

/** Every row of every table, as text. */
async function dump({ db }: TestCloud): Promise<string> {
  const { rows } = await db.raw(`select table_name from information_schema.tables where table_schema = 'public'`);
  const contents: string[] = [];
  for (const { table_name } of rows) {
    const { rows: texts } = await db.raw('select t::text as row from ?? t', [table_name]);
    for (const { row } of texts) contents.push(`${table_name}: ${row}`);
  }
  return contents.join('\n');
}

/** A secret in the forms in which it could have been written down. */
function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'), bytes.toString('hex')];
}

test('passwords, secrets, seeds, tokens and the database’s address are in no log, error or table', async (t) => {
  const cloud = await startTestCloud(t, { uniqueLastPasswordCount: 5, lockoutFailureAttempts: 20 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const secrets: Record<string, string> = {
    password: 'canary-password-1',
    'changed password': 'canary-password-2',
    'refused password': 'canary-password-3',
    'wrong password': 'canary-password-4',
    'application credential': 'canary-application-secret',
    'ec2 secret': 'canary-ec2-secret',
    'credential blob': 'canary-blob',
    'totp seed': 'CANARYSEEDCANARYSEEDCANARYSEEDCA',
    'ldap password': 'canary-ldap-password',
    'database address': cloud.config.databaseUrl.reveal(),
  };
  const of = (name: string) => secrets[name] as string;
  const errors: string[] = [];
  const ask = async (path: string, body: unknown, method = 'POST', client = cloud.anonymous) => {
    const answer = await client.request({ method, path, body });
    if (answer.status >= 400) errors.push(answer.text);
    return answer;
  };
  const logIn = (given: object, headers = {}) =>
    cloud.anonymous.request({ method: 'POST', path: logInPath, body: { auth: { identity: given } }, headers });

  // Users and their passwords, right, wrong and where none belongs.
  const { user } = await admin.post(`${identity}/users`, { user: { name: 'canary', password: of('password') } });
  const passwordOf = (password: string) => ({ methods: ['password'], password: { user: { id: user.id, password } } });
  const first = await logIn(passwordOf(of('password')));
  secrets.token = String(first.headers['x-subject-token']);
  errors.push((await logIn(passwordOf(of('wrong password')))).text);
  const change = (original_password: string, password: string) =>
    ask(`${identity}/users/${user.id}/password`, { user: { original_password, password } });
  t.is((await change(of('password'), of('changed password'))).status, 204);
  t.is((await change(of('changed password'), of('password'))).status, 400);
  await change(of('wrong password'), of('refused password'));
  await ask(`${identity}/users/${user.id}`, { user: { password: [of('refused password')] } }, 'PATCH', admin);
  await ask(`${identity}/users`, { user: { name: 1, password: of('refused password') } }, 'POST', admin);
  await ask(logInPath, { auth: { identity: { methods: 'x', password: of('refused password') } } });
  await ask(logInPath, { auth: { identity: { methods: [of('refused password').repeat(9)] } } });

  // What programs log in with.
  const mine = `${identity}/users/${member.userId}`;
  const credential = { name: 'canary', secret: of('application credential') };
  const made = await ask(`${mine}/application_credentials`, { application_credential: credential }, 'POST', member);
  t.is(made.status, 201);
  t.is(made.body.application_credential.secret, of('application credential')); // told once, to who made it
  const program = (secret: string) => ({
    methods: ['application_credential'],
    application_credential: { id: made.body.application_credential.id, secret },
  });
  const programToken = await logIn(program(of('application credential')));
  t.is(programToken.status, 201);
  secrets['program’s token'] = String(programToken.headers['x-subject-token']);
  errors.push((await logIn(program(of('wrong password')))).text);
  const generated = await member.post(`${mine}/application_credentials`, { application_credential: { name: 'made' } });
  secrets['generated application credential'] = generated.application_credential.secret;
  const keyPair = await member.post(`${mine}/credentials/OS-EC2`, { tenant_id: member.projectId });
  secrets['generated ec2 secret'] = keyPair.credential.secret;

  // What is kept for users.
  const keep = (type: string, blob: string, project_id?: string) =>
    member.post(`${identity}/credentials`, { credential: { type, blob, user_id: member.userId, project_id } });
  await keep('ec2', JSON.stringify({ access: 'canary-access', secret: of('ec2 secret') }), member.projectId);
  await keep('cert', of('credential blob'));
  await keep('totp', of('totp seed'));
  await ask(`${identity}/credentials`, { credential: { type: 'ec2', blob: of('ec2 secret') } }, 'POST', member);
  const passcode = passcodeOf(new Secret(of('totp seed')), Math.floor(Date.now() / 30_000)) as string;
  const totp = (code: string) => ({ methods: ['totp'], totp: { user: { id: member.userId, passcode: code } } });
  const totpToken = await logIn(totp(passcode));
  t.is(totpToken.status, 201);
  secrets['token of a passcode'] = String(totpToken.headers['x-subject-token']);
  const options = { multi_factor_auth_rules: [['password', 'totp']] };
  await admin.patch(mine, { user: { options } });
  const half = await logIn({
    methods: ['password'],
    password: { user: { id: member.userId, password: 'member-password' } },
  });
  secrets.receipt = String(half.headers['openstack-auth-receipt']);
  errors.push((await logIn(totp(`${passcode}9`), { 'openstack-auth-receipt': secrets.receipt })).text);

  const { domain } = await admin.post(`${identity}/domains`, { domain: { name: 'canary' } });
  const config = { config: { ldap: { url: 'ldap://ldap.test', password: of('ldap password') } } };
  t.true([200, 201].includes((await ask(`${identity}/domains/${domain.id}/config`, config, 'PUT', admin)).status));

  // An error that nobody foresaw, in the middle of it.
  await cloud.db.schema.renameTable('former_passwords', 'hidden');
  const failed = await change(of('changed password'), of('refused password'));
  t.is(failed.status, 500);
  await cloud.db.schema.renameTable('hidden', 'former_passwords');

  const written = { logs: cloud.logLines.join('\n'), errors: errors.join('\n'), database: await dump(cloud) };
  t.true(written.logs.length > 1000 && written.errors.length > 1000 && written.database.includes('canary'));
  for (const [name, secret] of Object.entries(secrets)) {
    t.true(secret.length > 8 && secret !== 'undefined', name);
    for (const [place, text] of Object.entries(written))
      for (const form of forms(secret)) t.false(text.includes(form), `${name} in ${place}`);
  }
});
