import { createHmac, randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { type Answer, type Client, startTestCloud, type TestCloud } from '../../tests/cloud.ts';

const v3 = '/identity/v3';

interface Pair {
  id: string;
  secret: string;
}

/** The header of a request signed now, unless `oauth` says otherwise. */
function sign(method: string, path: string, consumer: Pair, token?: Pair, oauth: Record<string, string> = {}): string {
  const encode = (text: string) => encodeURIComponent(text).replaceAll('!', '%21');
  const parameters: Record<string, string> = {
    oauth_consumer_key: consumer.id,
    oauth_nonce: randomUUID(),
    oauth_signature_method: 'HMAC-SHA1',
    oauth_timestamp: String(Math.floor(Date.now() / 1000)),
    oauth_version: '1.0',
    ...(token && { oauth_token: token.id }),
    ...oauth,
  };
  const sorted = Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const normalized = sorted.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  const base = [method, `http://cloud.test${path}`, normalized].map(encode).join('&');
  const signature = createHmac('sha1', `${consumer.secret}&${token?.secret ?? ''}`)
    .update(base)
    .digest('base64');
  const all = [...sorted, ['oauth_signature', signature]] as [string, string][];
  return `OAuth ${all.map(([name, value]) => `${name}="${encode(value)}"`).join(', ')}`;
}

const pairOf = ({ text }: Answer): Pair => {
  const form = new URLSearchParams(text);
  return { id: form.get('oauth_token') ?? '', secret: form.get('oauth_token_secret') ?? '' };
};

async function makeConsumer(admin: Client): Promise<Pair> {
  return (await admin.post(`${v3}/OS-OAUTH1/consumers`, { consumer: { description: 'a program' } })).consumer;
}

const post = (cloud: TestCloud, path: string, headers: Record<string, string>, body?: unknown) =>
  cloud.anonymous.request({ method: 'POST', path, headers, body });

async function requestToken(cloud: TestCloud, consumer: Pair, projectId: string): Promise<Answer> {
  const path = `${v3}/OS-OAUTH1/request_token`;
  const authorization = sign('POST', path, consumer, undefined, { oauth_callback: 'oob' });
  return post(cloud, path, { authorization, 'requested-project-id': projectId });
}

async function allow(t: ExecutionContext, cloud: TestCloud, consumer: Pair, roles: object[]): Promise<Pair> {
  const admin = cloud.as('admin');
  const asked = await requestToken(cloud, consumer, admin.projectId);
  t.is(asked.status, 201, asked.text);
  const request = pairOf(asked);
  const { token } = await admin.put(`${v3}/OS-OAUTH1/authorize/${request.id}`, { roles });
  const answer = await exchange(cloud, consumer, request, token.oauth_verifier);
  t.is(answer.status, 201, answer.text);
  return pairOf(answer);
}

function exchange(cloud: TestCloud, consumer: Pair, request: Pair, verifier: string): Promise<Answer> {
  const path = `${v3}/OS-OAUTH1/access_token`;
  return post(cloud, path, { authorization: sign('POST', path, consumer, request, { oauth_verifier: verifier }) });
}

const logInBody = { auth: { identity: { methods: ['oauth1'], oauth1: {} } } };
const tokens = `${v3}/auth/tokens`;

const logIn = (cloud: TestCloud, consumer: Pair, access: Pair, oauth: Record<string, string> = {}) =>
  post(cloud, tokens, { authorization: sign('POST', tokens, consumer, access, oauth) }, logInBody);

test('a consumer is made with a secret that is told once, shown, listed, described anew and deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const made = await makeConsumer(admin);
  t.regex(made.secret, /^[0-9a-f]{32}$/);
  const path = `${v3}/OS-OAUTH1/consumers/${made.id}`;
  const { consumer } = await admin.get(path);
  t.deepEqual(Object.keys(consumer).toSorted(), ['description', 'id', 'links']);
  t.is((await admin.patch(path, { consumer: { description: 'changed' } })).consumer.description, 'changed');
  t.is((await admin.patch(path, { consumer: {} })).consumer.description, 'changed');
  t.is((await admin.patch(path, { consumer: { description: null } })).consumer.description, null);
  await admin.patch(path, { consumer: { secret: 'mine' } }, 400);
  await admin.post(`${v3}/OS-OAUTH1/consumers`, { consumer: { description: 5 } }, 400);
  t.deepEqual(
    (await admin.get(`${v3}/OS-OAUTH1/consumers`)).consumers.map(({ id }: { id: string }) => id),
    [made.id],
  );
  await cloud.as('member').get(path, 403);
  await admin.delete(path);
  for (const gone of [path, `${v3}/OS-OAUTH1/consumers/none`]) await admin.get(gone, 404);
  t.false(cloud.logLines.join('').includes(made.secret));
});

test('a user allows a consumer one of their roles, and its token has that role and no other', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const consumer = await makeConsumer(admin);
  const access = await allow(t, cloud, consumer, [{ name: 'reader' }]);
  const answer = await logIn(cloud, consumer, access);
  t.is(answer.status, 201, answer.text);
  const { token } = answer.body;
  t.deepEqual(token.methods, ['oauth1']);
  t.deepEqual(
    token.roles.map(({ name }: { name: string }) => name),
    ['reader'],
  );
  t.is(token.user.id, admin.userId);
  t.is(token.project.id, admin.projectId);
  t.deepEqual(token['OS-OAUTH1'], { access_token_id: access.id, consumer_id: consumer.id });

  const text = String(answer.headers['x-subject-token']);
  const as = (method: string, path: string, body?: unknown) =>
    cloud.anonymous.request({ method, path, headers: { 'x-auth-token': text }, body });
  t.is((await as('GET', '/compute/v2.1/servers')).status, 200);
  t.is((await as('POST', '/network/v2.0/networks', { network: { name: 'n' } })).status, 403);
  t.is((await as('GET', `${v3}/users/${admin.userId}/OS-OAUTH1/access_tokens`)).status, 403);
  const auth = { identity: { methods: ['token'], token: { id: text } } };
  t.is((await post(cloud, tokens, {}, { auth })).status, 403, 'it is exchanged for nothing else');
});

test('what was allowed is listed with its roles, and ends with the access token or the consumer', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const consumer = await makeConsumer(admin);
  const [one, two] = [
    await allow(t, cloud, consumer, [{ name: 'member' }, { name: 'reader' }]),
    await allow(t, cloud, consumer, [{ name: 'admin' }]),
  ];
  const list = `${v3}/users/${admin.userId}/OS-OAUTH1/access_tokens`;
  const { access_tokens: listed } = await admin.get(list);
  t.deepEqual(listed.map(({ id }: Pair) => id).toSorted(), [one.id, two.id].toSorted());
  t.like((await admin.get(`${list}/${one.id}`)).access_token, {
    consumer_id: consumer.id,
    project_id: admin.projectId,
    authorizing_user_id: admin.userId,
  });
  const { roles } = await admin.get(`${list}/${one.id}/roles`);
  t.deepEqual(
    roles.map(({ name }: { name: string }) => name),
    ['member', 'reader'],
  );
  t.is((await admin.get(`${list}/${one.id}/roles/${roles[0].id}`)).role.name, 'member');
  await admin.get(`${list}/${two.id}/roles/${roles[0].id}`, 404);
  await admin.get(`${v3}/users/${cloud.as('member').userId}/OS-OAUTH1/access_tokens/${one.id}`, 404);
  await cloud.as('member').get(list, 403);

  const held = async (access: Pair) => String((await logIn(cloud, consumer, access)).headers['x-subject-token']);
  const [first, second] = [await held(one), await held(two)];
  const works = async (token: string) =>
    (await cloud.anonymous.request({ method: 'GET', path: `${v3}/auth/projects`, headers: { 'x-auth-token': token } }))
      .status;
  await admin.delete(`${list}/${one.id}`);
  t.is(await works(first), 401);
  t.is(await works(second), 200);
  t.is((await logIn(cloud, consumer, one)).status, 401);
  await admin.delete(`${v3}/OS-OAUTH1/consumers/${consumer.id}`);
  t.is(await works(second), 401);
  t.is((await logIn(cloud, consumer, two)).status, 401);
  t.deepEqual((await admin.get(list)).access_tokens, []);
});

test('only what is signed right, now and once is taken', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const [consumer, other] = [await makeConsumer(admin), await makeConsumer(admin)];
  const access = await allow(t, cloud, consumer, [{ name: 'reader' }]);

  const authorization = sign('POST', tokens, consumer, access);
  t.is((await post(cloud, tokens, { authorization }, logInBody)).status, 201);
  t.is((await post(cloud, tokens, { authorization }, logInBody)).status, 401, 'the same a second time');
  t.is((await post(cloud, tokens, {}, logInBody)).status, 401, 'nothing signed');
  const now = Math.floor(Date.now() / 1000);
  for (const [why, answer] of Object.entries({
    'an old one': await logIn(cloud, consumer, access, { oauth_timestamp: String(now - 3600) }),
    'one of tomorrow': await logIn(cloud, consumer, access, { oauth_timestamp: String(now + 86_400) }),
    'no number': await logIn(cloud, consumer, access, { oauth_timestamp: '1e3x' }),
    'a huge number': await logIn(cloud, consumer, access, { oauth_timestamp: '99999999999999999999' }),
    'a NUL': await logIn(cloud, consumer, access, { oauth_nonce: 'a\0b' }),
    'a wrong secret': await logIn(cloud, { ...consumer, secret: 'x' }, access),
    'a wrong token secret': await logIn(cloud, consumer, { ...access, secret: 'x' }),
    'another consumer': await logIn(cloud, other, access),
    'no such consumer': await logIn(cloud, { ...consumer, id: 'none' }, access),
    'no such token': await logIn(cloud, consumer, { ...access, id: 'none' }),
  }))
    t.is(answer.status, 401, why);
  t.is((await requestToken(cloud, { ...consumer, secret: 'x' }, admin.projectId)).status, 401);
  t.is((await requestToken(cloud, consumer, 'none')).status, 404);
  t.is((await requestToken(cloud, consumer, 'no\u00e9')).status, 404);
  t.deepEqual(
    cloud.logLines.filter((line) => line.includes('"level":50')),
    [],
  );
});

test('a request is authorized by whoever has the roles, and becomes one access token', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const consumer = await makeConsumer(admin);
  const ask = async (projectId: string) => pairOf(await requestToken(cloud, consumer, projectId));
  const request = await ask(admin.projectId);
  const path = `${v3}/OS-OAUTH1/authorize/${request.id}`;
  await cloud.as('member').put(path, { roles: [{ name: 'member' }] }, 403);
  for (const roles of [[], [{}], undefined, [{ id: 5 }]]) await admin.put(path, { roles }, 400);
  await admin.put(path, { roles: [{ name: 'service' }] }, 403);
  await admin.put(`${v3}/OS-OAUTH1/authorize/none`, { roles: [{ name: 'admin' }] }, 404);
  const elsewhere = await ask(cloud.as('member').projectId);
  await admin.put(`${v3}/OS-OAUTH1/authorize/${elsewhere.id}`, { roles: [{ name: 'member' }] }, 403);

  t.is((await exchange(cloud, consumer, request, '')).status, 401, 'not authorized');
  const made = { application_credential: { name: 'lent', unrestricted: true } };
  const { application_credential: lent } = await admin.post(
    `${v3}/users/${admin.userId}/application_credentials`,
    made,
  );
  const identity = {
    methods: ['application_credential'],
    application_credential: { id: lent.id, secret: lent.secret },
  };
  const borrowed = (await post(cloud, tokens, {}, { auth: { identity } })).headers['x-subject-token'];
  const headers = { 'x-auth-token': String(borrowed) };
  const body = { roles: [{ name: 'member' }] };
  t.is(
    (await cloud.anonymous.request({ method: 'PUT', path, headers, body })).status,
    403,
    'lent rights are not lent on',
  );

  const { token } = await admin.put(path, { roles: [{ name: 'member' }] });
  t.is((await exchange(cloud, consumer, request, 'guess')).status, 401);
  const both = await Promise.all([1, 2].map(() => exchange(cloud, consumer, request, token.oauth_verifier)));
  t.deepEqual(both.map(({ status }) => status).toSorted(), [201, 401]);
  await admin.put(path, { roles: [{ name: 'member' }] }, 404);
});
