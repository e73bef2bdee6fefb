import test from 'ava';
import { Secret } from '../../common/secret.ts';
import { type Answer, startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { passcodeOf } from './methods/totp.ts';
import { missingMethods } from './multi-factor.ts';

const path = '/identity/v3/auth/tokens';
const [seed, otherSeed] = ['GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'];

const step = () => Math.floor(Date.now() / 30_000);
/** Of this half minute, or of one so many before it. */
const passcode = (secret = seed, before = 0) => passcodeOf(new Secret(secret), step() - before) as string;

/** Away from the moment at which one half minute ends: for what must happen within one. */
async function midStep(): Promise<void> {
  while (Date.now() % 30_000 > 22_000) await new Promise((resolve) => setTimeout(resolve, 100));
}

interface Given {
  password?: string;
  totp?: string;
  token?: string;
  receipt?: string | undefined;
  as?: object;
}

function logIn(cloud: TestCloud, { password, totp, token, receipt, as }: Given): Promise<Answer> {
  const user = as ?? { id: cloud.as('member').userId };
  const methods = Object.entries({ password, totp, token }).filter(([, value]) => value !== undefined);
  const identity = {
    methods: methods.map(([method]) => method),
    ...(password !== undefined && { password: { user: { ...user, password } } }),
    ...(totp !== undefined && { totp: { user: { ...user, passcode: totp } } }),
    ...(token !== undefined && { token: { id: token } }),
  };
  const headers: Record<string, string> = receipt === undefined ? {} : { 'openstack-auth-receipt': receipt };
  return cloud.anonymous.request({ method: 'POST', path, body: { auth: { identity } }, headers });
}

async function addSeed(cloud: TestCloud, blob = seed, userId = cloud.as('member').userId): Promise<void> {
  await cloud.as('admin').post('/identity/v3/credentials', { credential: { type: 'totp', blob, user_id: userId } });
}

async function demand(cloud: TestCloud, rules: string[][], more = {}, userId = cloud.as('member').userId) {
  const options = { multi_factor_auth_rules: rules, ...more };
  await cloud.as('admin').patch(`/identity/v3/users/${userId}`, { user: { options } });
}

const receiptOf = ({ headers }: Answer) => headers['openstack-auth-receipt'] as string | undefined;

test('a passcode lets in by itself, once, and so does that of the half minute before', async (t) => {
  const cloud = await startTestCloud(t);
  await addSeed(cloud);
  await midStep();
  t.is((await logIn(cloud, { totp: passcode(seed, 2) })).status, 401);
  const first = await logIn(cloud, { totp: passcode(seed, 1) });
  t.is(first.status, 201, first.text);
  t.deepEqual(first.body.token.methods, ['totp']);
  t.is((await logIn(cloud, { totp: passcode(seed, 1) })).status, 401);
  t.is((await logIn(cloud, { totp: passcode() })).status, 201);
  t.is((await logIn(cloud, { totp: passcode() })).status, 401);
  t.is((await logIn(cloud, { totp: passcode(seed, 1) })).status, 401); // one before that which was used
});

test('of two logins with one passcode at once, one succeeds', async (t) => {
  const cloud = await startTestCloud(t);
  await addSeed(cloud);
  const totp = passcode();
  const answers = await Promise.all(Array.from({ length: 6 }, () => logIn(cloud, { totp })));
  t.is(answers.filter(({ status }) => status === 201).length, 1);
});

test('how many half minutes back still count is a setting', async (t) => {
  const cloud = await startTestCloud(t, { totpIncludedPreviousWindows: 0 });
  await addSeed(cloud);
  await midStep();
  t.is((await logIn(cloud, { totp: passcode(seed, 1) })).status, 401);
  t.is((await logIn(cloud, { totp: passcode() })).status, 201);
});

test('each of several seeds works, and one’s passcode does not use up another’s', async (t) => {
  const cloud = await startTestCloud(t);
  await addSeed(cloud);
  await addSeed(cloud, otherSeed);
  await addSeed(cloud, 'no base32 at all');
  t.is((await logIn(cloud, { totp: passcode() })).status, 201);
  t.is((await logIn(cloud, { totp: passcode(otherSeed) })).status, 201);
});

test('a wrong passcode, one of somebody else, and one of nobody get the answer of a wrong password', async (t) => {
  const cloud = await startTestCloud(t, { failedLoginsPerAccount: 100 });
  await addSeed(cloud);
  await addSeed(cloud, otherSeed, cloud.as('reader').userId);
  const wrong = await logIn(cloud, { password: 'wrong' });
  for (const given of [
    { totp: passcode(otherSeed) },
    { totp: '' },
    { totp: `${passcode()}0` },
    { totp: passcode(), as: { id: cloud.as('stranger').userId } },
    { totp: passcode(), as: { name: 'nobody at all', domain: { id: 'default' } } },
    { totp: passcode(), password: 'wrong' },
  ]) {
    const answer = await logIn(cloud, given);
    t.is(answer.status, 401);
    t.deepEqual(answer.body, wrong.body);
  }
  t.is((await logIn(cloud, { totp: passcode() })).status, 201); // a wrong password beside it used nothing up
});

test('wrong passcodes are failed logins, which a right password does not forget', async (t) => {
  const cloud = await startTestCloud(t, { lockoutFailureAttempts: 3, lockoutDuration: 0 });
  await addSeed(cloud);
  await demand(cloud, [['password', 'totp']]);
  for (let i = 0; i < 3; i += 1) {
    const { status, headers } = await logIn(cloud, { password: 'member-password' });
    t.deepEqual([status, typeof headers['openstack-auth-receipt']], [401, 'string']);
    await logIn(cloud, { totp: '000000' });
  }
  const locked = await logIn(cloud, { password: 'member-password', totp: passcode() });
  t.is(locked.status, 401);
  t.is(receiptOf(locked), undefined);
});

test('guesses at passcodes are limited too', async (t) => {
  const cloud = await startTestCloud(t, { failedLoginsPerAccount: 3 });
  await addSeed(cloud);
  for (let i = 0; i < 3; i += 1) {
    t.is((await logIn(cloud, { totp: '000000' })).status, 401);
    t.is((await logIn(cloud, { password: 'member-password' })).status, 201);
  }
  t.is((await logIn(cloud, { totp: passcode() })).status, 429);
});

test('an account that asks for two methods gives a receipt for the first, and a token for the other with it', async (t) => {
  const cloud = await startTestCloud(t);
  await addSeed(cloud);
  await demand(cloud, [['password', 'totp']]);
  const first = await logIn(cloud, { password: 'member-password' });
  t.is(first.status, 401);
  t.deepEqual(first.body.required_auth_methods, [['password', 'totp']]);
  t.deepEqual(first.body.receipt.methods, ['password']);
  t.is(first.body.receipt.user.name, 'member');
  t.is(first.headers['x-subject-token'], undefined);
  const receipt = receiptOf(first);
  t.is((await logIn(cloud, { totp: '000000', receipt })).status, 401);
  const second = await logIn(cloud, { totp: passcode(), receipt });
  t.is(second.status, 201, second.text);
  t.deepEqual(second.body.token.methods.toSorted(), ['password', 'totp']);
  const text = String(second.headers['x-subject-token']);
  t.is((await logIn(cloud, { token: text })).status, 201); // what was proven once needs not be proven for another scope

  await midStep();
  const both = { password: 'member-password', totp: passcode(seed, -1) };
  t.is((await logIn(cloud, both)).status, 401); // of the half minute after this one
});

test('both methods at once need no receipt', async (t) => {
  const cloud = await startTestCloud(t);
  await addSeed(cloud);
  await demand(cloud, [['password', 'totp']]);
  t.is((await logIn(cloud, { password: 'member-password', totp: passcode() })).status, 201);
});

test('a receipt is good for its own user alone, is no token, and is not good for ever', async (t) => {
  const cloud = await startTestCloud(t);
  const reader = cloud.as('reader').userId;
  await addSeed(cloud);
  await addSeed(cloud, otherSeed, reader);
  await demand(cloud, [['password', 'totp']]);
  await demand(cloud, [['password', 'totp']], {}, reader);
  const receipt = receiptOf(await logIn(cloud, { password: 'member-password' })) as string;

  t.is((await logIn(cloud, { totp: passcode(otherSeed), as: { id: reader }, receipt })).status, 401);
  const headers = { 'x-auth-token': receipt };
  t.is((await cloud.anonymous.request({ method: 'GET', path: '/identity/v3/auth/projects', headers })).status, 401);
  t.true([401, 404].includes((await logIn(cloud, { token: receipt })).status));
  t.is((await logIn(cloud, { totp: passcode(), receipt: await cloud.as('admin').token() })).status, 401);
  for (const altered of [`${receipt}x`, receipt.slice(0, -4), 'x.y.z'])
    t.is((await logIn(cloud, { totp: passcode(), receipt: altered })).status, 401);
  const { exp } = JSON.parse(Buffer.from(receipt.split('.')[1] ?? '', 'base64url').toString());
  t.true(exp - Date.now() / 1000 <= 301);
});

test('a receipt ends when the user is disabled, or their password or the user changes', async (t) => {
  const cloud = await startTestCloud(t);
  await addSeed(cloud);
  await demand(cloud, [['password', 'totp']]);
  const userPath = `/identity/v3/users/${cloud.as('member').userId}`;
  const admin = cloud.as('admin');
  const before = receiptOf(await logIn(cloud, { password: 'member-password' }));
  await admin.patch(userPath, { user: { enabled: false } });
  t.is((await logIn(cloud, { totp: passcode(), receipt: before })).status, 401);
  await admin.patch(userPath, { user: { enabled: true } });
  t.is((await logIn(cloud, { totp: passcode(), receipt: before })).status, 401);

  const next = receiptOf(await logIn(cloud, { password: 'member-password' }));
  await admin.patch(userPath, { user: { password: 'another' } });
  t.is((await logIn(cloud, { totp: passcode(), receipt: next })).status, 401);
  const last = receiptOf(await logIn(cloud, { password: 'another' }));
  await admin.delete(userPath);
  t.is((await logIn(cloud, { totp: passcode(), receipt: last })).status, 401);
});

test('rules can be switched off, and do not stand in the way of programs', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  await member.token();
  const { application_credential: made } = await member.post(
    `/identity/v3/users/${member.userId}/application_credentials`,
    { application_credential: { name: 'program' } },
  );
  await demand(cloud, [['password', 'totp']]);
  t.is((await logIn(cloud, { password: 'member-password' })).status, 401);
  const identity = {
    methods: ['application_credential'],
    application_credential: { id: made.id, secret: made.secret },
  };
  t.is((await cloud.anonymous.request({ method: 'POST', path, body: { auth: { identity } } })).status, 201);
  await demand(cloud, [['password', 'totp']], { multi_factor_auth_enabled: false });
  t.is((await logIn(cloud, { password: 'member-password' })).status, 201);
});

for (const [what, { rules, given, missing }] of Object.entries({
  'no rules ask for nothing': { rules: [], given: ['password'], missing: null },
  'one of several rules is enough': { rules: [['totp'], ['password']], given: ['password'], missing: null },
  'more than is asked is enough': { rules: [['password']], given: ['password', 'totp'], missing: null },
  'part of a rule is not': { rules: [['password', 'totp']], given: ['totp'], missing: [['password', 'totp']] },
  'a method that is none here is left out': { rules: [['password', 'retina']], given: ['password'], missing: null },
  'a rule of such methods alone asks for nothing': { rules: [['retina']], given: ['password'], missing: null },
}))
  test(`multi-factor rules: ${what}`, (t) => {
    t.deepEqual(missingMethods({ multi_factor_auth_rules: rules }, given), missing);
  });
