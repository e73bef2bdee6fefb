import test from 'ava';
import type { Answer, TestCloud } from '../../tests/cloud.ts';
import { startFederation } from '../../tests/federation/ground.ts';
import { clientId } from '../../tests/federation/issuer.ts';

const base = '/identity/v3/auth/OS-FEDERATION';
const door = `${base}/identity_providers/staff/protocols/openid/websso`;
const dashboard = 'http://cloud.test/dashboard/sso';

const go = (cloud: TestCloud, path: string, query: Record<string, string>, cookie = '', method = 'GET') =>
  cloud.anonymous.request({
    method,
    path: `${path}?${new URLSearchParams(query)}`,
    headers: cookie === '' ? {} : { cookie },
  });

const cookieOf = (answer: Answer) => String([answer.headers['set-cookie']].flat()[0]).split(';')[0] ?? '';
const begun = (answer: Answer) => {
  const location = String(answer.headers.location);
  return { location, cookie: cookieOf(answer), state: new URL(location).searchParams.get('state') ?? '' };
};

test('a browser goes to the identity provider and comes back with a token for the dashboard', async (t) => {
  const { cloud, issuer } = await startFederation(t);
  const answer = await go(cloud, door, { origin: dashboard });
  t.is(answer.status, 302, answer.text);
  t.regex(String(answer.headers['set-cookie']), /HttpOnly; SameSite=Lax$/);
  const { location, cookie, state } = begun(answer);
  const asked = new URL(location);
  t.is(asked.origin + asked.pathname, `${issuer.issuer}/protocol/openid-connect/auth`);
  t.like(Object.fromEntries(asked.searchParams), {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: `http://cloud.test${base}/callback`,
    code_challenge_method: 'S256',
  });

  const code = issuer.letIn(location);
  const page = await go(cloud, `${base}/callback`, { state, code, iss: issuer.issuer }, cookie);
  t.is(page.status, 200, page.text);
  t.regex(String(page.headers['content-type']), /^text\/html/);
  t.regex(page.text, /<form action="http:\/\/cloud\.test\/dashboard\/sso" method="post">/);
  t.regex(String(page.headers['content-security-policy']), /form-action http:\/\/cloud\.test$/);
  t.is(page.headers['cache-control'], 'no-store');
  t.regex(String(page.headers['set-cookie']), /Max-Age=0/);
  const [, token = ''] = /name="token" value="([^"]+)"/.exec(page.text) ?? [];
  const own = { 'x-auth-token': token, 'x-subject-token': token };
  const shown = await cloud.anonymous.request({ method: 'GET', path: '/identity/v3/auth/tokens', headers: own });
  t.is(shown.body.token.user.name, 'ada');
  t.is((await go(cloud, `${base}/callback`, { state, code }, cookie)).status, 401, 'a code is good once');
});

test('the protocol alone is enough where one identity provider has it', async (t) => {
  const { cloud, issuer } = await startFederation(t);
  for (const method of ['GET', 'POST'])
    t.is((await go(cloud, `${base}/websso/openid`, { origin: dashboard }, '', method)).status, 302);
  t.is((await go(cloud, `${base}/websso/saml2`, { origin: dashboard })).status, 401);
  const admin = cloud.as('admin');
  const federation = '/identity/v3/OS-FEDERATION/identity_providers/other';
  await admin.put(federation, { identity_provider: { enabled: true } }, 201);
  await admin.put(`${federation}/protocols/openid`, { protocol: { mapping_id: 'usual' } }, 201);
  t.is((await go(cloud, `${base}/websso/openid`, { origin: dashboard })).status, 302, 'the other has no issuer');
  t.truthy(issuer);
});

test('a token is handed to no dashboard that the operator did not name', async (t) => {
  const other = 'https://horizon.example.test/auth/websso/';
  const { cloud } = await startFederation(t, { file: { trustedDashboards: [other] } });
  t.is((await go(cloud, door, { origin: other })).status, 302);
  t.is((await go(cloud, door, {})).status, 400);
  for (const origin of [
    'https://evil.test/',
    'http://cloud.test/dashboard/sso/../../evil',
    `${dashboard}?x`,
    'http://cloud.test.evil.test/dashboard/sso',
    other.slice(0, -1),
    'javascript:alert(1)',
  ])
    t.is((await go(cloud, door, { origin })).status, 401, origin);
});

test('only the browser that set out comes back, with an answer to its latest log-in', async (t) => {
  const { cloud, issuer } = await startFederation(t);
  const first = begun(await go(cloud, door, { origin: dashboard }));
  const second = begun(await go(cloud, door, { origin: dashboard }));
  const back = (query: Record<string, string>, cookie: string) => go(cloud, `${base}/callback`, query, cookie);
  const code = () => issuer.letIn(first.location);
  const { state } = first;
  const altered = `${first.cookie.slice(0, -8)}AAAAAAA=`;
  for (const [what, answer] of [
    ['no cookie', await back({ state, code: code() }, '')],
    ['another journey’s cookie', await back({ state, code: code() }, second.cookie)],
    ['an altered cookie', await back({ state, code: code() }, altered)],
    ['no state', await back({ code: code() }, first.cookie)],
    ['another state', await back({ state: second.state, code: code() }, first.cookie)],
    ['another issuer', await back({ state, code: code(), iss: 'https://evil.test' }, first.cookie)],
    ['no code', await back({ state }, first.cookie)],
    ['a made-up code', await back({ state, code: 'x' }, first.cookie)],
    ['a code of another journey', await back({ state, code: issuer.letIn(second.location) }, first.cookie)],
    ['a refusal', await back({ state, error: 'access_denied' }, first.cookie)],
  ] as const)
    t.is(answer.status, 401, what);
  const told = await back({ state, error: '<script>alert(1)</script>' }, first.cookie);
  t.regex(told.text, /<h1>Not logged in<\/h1>\n<p>.*says &lt;script&gt;/);
  t.is((await back({ state, code: code() }, first.cookie)).status, 200);
});

test('tokens that are not this log-in’s are refused', async (t) => {
  const { cloud, issuer } = await startFederation(t);
  for (const claims of [
    { id: { nonce: 'another' } },
    { id: { nonce: undefined } },
    { id: { aud: 'other' } },
    { id: { azp: 'other' } },
    { id: { typ: 'Bearer' } },
    { id: { sub: 'somebody else' } },
    { id: { exp: Math.floor(Date.now() / 1000) - 1 } },
    { access: { azp: 'other', aud: 'other' } },
    { access: { iss: 'other' } },
  ]) {
    const { location, cookie, state } = begun(await go(cloud, door, { origin: dashboard }));
    const code = issuer.letIn(location, claims);
    t.is((await go(cloud, `${base}/callback`, { state, code }, cookie)).status, 401, JSON.stringify(claims));
  }
});

test('the log-in page is told where else one can log in, as the operator called it', async (t) => {
  const nameless = await startFederation(t);
  t.deepEqual((await nameless.cloud.anonymous.get(`${base}/websso`)).choices, []);
  const { cloud } = await startFederation(t, { title: 'Example staff' });
  const { choices } = await cloud.anonymous.get(`${base}/websso`);
  t.like(choices[0], { identity_provider: 'staff', protocol: 'openid', title: 'Example staff' });
  t.is(
    (await cloud.anonymous.request({ method: 'GET', path: choices[0].url.replace('http://cloud.test', '') })).status,
    302,
  );
  await cloud
    .as('admin')
    .patch('/identity/v3/OS-FEDERATION/identity_providers/staff', { identity_provider: { enabled: false } });
  t.deepEqual((await cloud.anonymous.get(`${base}/websso`)).choices, []);
  t.is((await go(cloud, door, { origin: dashboard })).status, 403);
});
