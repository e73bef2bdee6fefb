/** What is handed on is never more than what it was handed on from, however often, and whatever is lost meanwhile. */
import { createHmac } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { startTestCloud, type TestCloud } from '../tests/cloud.ts';
import { type Persona, personas } from '../tests/personas.ts';
import { ask, attempt, byCredential, byPassword, type Login, loginOf, roleId, rolesOf, v3 } from './testing.ts';

/** Something to log in with; undefined when it opens nothing (any more). */
interface Link {
  kind: Kind | 'password';
  logIn(): Promise<Login | undefined>;
}

const kinds = ['unrestricted', 'restricted', 'key pair', 'trust'] as const;
type Kind = (typeof kinds)[number];

/** The same for the same seed, in every run (mulberry32). */
function random(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    one: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T,
    some: <T>(items: readonly T[]): T[] => items.filter(() => next() < 0.6),
    flag: () => next() < 0.5,
  };
}

type Random = ReturnType<typeof random>;

async function opened(answer: ReturnType<typeof attempt>): Promise<Login | undefined> {
  const given = await answer;
  return given.status < 300 ? loginOf(given) : undefined;
}

/** Tries to hand on what `login` has; undefined when it may not. */
async function handOn(cloud: TestCloud, draw: Random, kind: Kind, login: Login): Promise<Link | undefined> {
  const { id: user } = login.said.user;
  const roles = draw.some(rolesOf(login)).map((name) => ({ name }));
  const post = async (path: string, body: object) => {
    const { status, body: made } = await ask(cloud, login.token, 'POST', `${v3}${path}`, body);
    return status === 201 ? made : undefined;
  };
  if (kind === 'unrestricted' || kind === 'restricted') {
    const application_credential = { name: `${Math.random()}`, unrestricted: kind === 'unrestricted', roles };
    const made = await post(`/users/${user}/application_credentials`, { application_credential });
    if (!made) return undefined;
    const { id, secret } = made.application_credential;
    return { kind, logIn: () => opened(attempt(cloud, byCredential({ id, secret }))) };
  }
  if (kind === 'key pair') {
    const made = await post(`/users/${user}/credentials/OS-EC2`, { tenant_id: login.said.project.id });
    return made && { kind, logIn: () => withKeyPair(cloud, made.credential) };
  }
  const trustee = draw.one(['nobody', 'reader', 'stranger'] as const);
  const trust = {
    ...{ trustor_user_id: user, trustee_user_id: cloud.as(trustee).userId, project_id: login.said.project.id },
    ...{ impersonation: draw.flag(), roles, allow_redelegation: true },
  };
  const made = await post('/OS-TRUST/trusts', { trust });
  if (!made) return undefined;
  const scope = { 'OS-TRUST:trust': { id: made.trust.id } };
  return { kind, logIn: () => opened(attempt(cloud, byPassword(cloud, trustee), scope)) };
}

/** One of the kinds that it may; which roles of it can be handed on is a matter of luck. */
async function handOnSomehow(cloud: TestCloud, draw: Random, among: readonly Kind[], login: Login) {
  for (const kind of [draw.one(among), ...among, ...among]) {
    const link = await handOn(cloud, draw, kind, login);
    if (link) return link;
  }
  return undefined;
}

async function withKeyPair(cloud: TestCloud, { access, secret }: { access: string; secret: string }) {
  const params = { SignatureVersion: '0', Timestamp: new Date().toISOString() };
  const signature = createHmac('sha1', secret).update(params.Timestamp).digest('base64');
  const service = await cloud.as('admin').token();
  return opened(ask(cloud, service, 'POST', `${v3}/ec2tokens`, { credentials: { access, signature, params } }));
}

const owner: Persona = 'member';

function holdsLess(t: ExecutionContext, said: string, parent: Login | undefined, child: Login | undefined): void {
  const given = parent ? rolesOf(parent) : [];
  const beyond = (child ? rolesOf(child) : []).filter((role) => !given.includes(role));
  t.deepEqual(beyond, [], said);
  if (parent && child) t.is(child.said.project.id, parent.said.project.id, said);
}

test('along every chain of what is handed on, nobody has more than whom they have it from', async (t) => {
  t.timeout(600_000);
  const cloud = await startTestCloud(t, { failedLoginsPerAddress: 0, failedLoginsPerAccount: 0 });
  const [admin, { projectId, userId }] = [cloud.as('admin'), cloud.as(owner)];
  const made = async (name: string) => (await admin.post(`${v3}/roles`, { role: { name } })).role.id as string;
  const [one, two] = [await made('one'), await made('two')];
  await cloud.db('role_implications').insert({ prior_role_id: one, implied_role_id: two });
  const lost = [one, await roleId(admin, 'member')];
  const grant = (id: string) => `${v3}/projects/${projectId}/users/${userId}/roles/${id}`;
  await admin.put(grant(one), undefined, 204);
  const root: Link = {
    kind: 'password',
    logIn: () => opened(attempt(cloud, byPassword(cloud, owner), { project: { id: projectId } })),
  };
  const seen = new Set<string>();
  for (let seed = 0; seed < 16; seed += 1) {
    const draw = random(seed);
    const chain = [root];
    let login = await root.logIn();
    while (login && chain.length <= 4) {
      const first = kinds[seed % kinds.length] as Kind;
      const link = await handOnSomehow(cloud, draw, chain.length === 1 ? [first] : kinds, login);
      if (!link) break;
      const next = await link.logIn();
      holdsLess(t, `${seed}: a ${link.kind}`, login, next);
      chain.push(link);
      login = next;
    }
    seen.add(chain.map((link) => link.kind).join(' > '));
    const role = draw.one(lost);
    await admin.delete(grant(role));
    const logins: (Login | undefined)[] = [];
    for (const link of chain) logins.push(await link.logIn());
    for (const [i, link] of chain.entries())
      if (i > 0) holdsLess(t, `${seed}: a ${link.kind}, one role less`, logins[i - 1], logins[i]);
    await admin.put(grant(role), undefined, 204);
  }
  t.log([...seen].toSorted());
  const longest = Math.max(...[...seen].map((chain) => chain.split(' > ').length));
  t.is(longest, 5, 'chains of four were tried');
});

test('what was handed on hands on nothing that would be more', async (t) => {
  const cloud = await startTestCloud(t);
  const { userId, projectId } = cloud.as(owner);
  const { password } = personas[owner];
  const root = loginOf(await attempt(cloud, byPassword(cloud, owner), { project: { id: projectId } }));
  const makings: [string, string, string, object][] = [
    [
      'application credentials',
      'POST',
      `/users/${userId}/application_credentials`,
      { application_credential: { name: 'x' } },
    ],
    ['EC2 credentials', 'POST', `/users/${userId}/credentials/OS-EC2`, { tenant_id: projectId }],
    [
      'credentials',
      'POST',
      '/credentials',
      { credential: { user_id: userId, project_id: projectId, type: 'totp', blob: 'GEZDGNBVGY3TQOJQ' } },
    ],
    [
      'trusts',
      'POST',
      '/OS-TRUST/trusts',
      {
        trust: {
          ...{ trustor_user_id: userId, trustee_user_id: cloud.as('nobody').userId, project_id: projectId },
          ...{ impersonation: true, roles: [{ name: 'reader' }] },
        },
      },
    ],
    [
      'passwords',
      'POST',
      `/users/${userId}/password`,
      { user: { original_password: password, password: 'another one' } },
    ],
    ['passwords', 'PATCH', `/users/${userId}`, { user: { password: 'another one' } }],
  ];
  const refused = async (kind: Kind, allowed: string[] = []) => {
    const draw = { one: () => 'nobody', some: (all: unknown[]) => all, flag: () => true } as unknown as Random;
    const login = await (await handOn(cloud, draw, kind, root))?.logIn();
    for (const [what, method, path, body] of makings) {
      const { status, text } = await ask(cloud, login?.token ?? '', method, `${v3}${path}`, body);
      t.is(status, allowed.includes(what) ? 201 : 403, `${kind}: ${what}: ${text}`);
    }
  };
  await refused('restricted');
  await refused('key pair');
  await refused('unrestricted', ['application credentials', 'EC2 credentials']);
  await refused('trust', ['trusts']); // redelegated
  t.truthy(loginOf(await attempt(cloud, byPassword(cloud, owner))), 'the password is what it was');
});

test('what is kept for oneself is not shown to whoever acts for one', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as(owner);
  const keys = `${v3}/users/${member.userId}/credentials/OS-EC2`;
  const { access } = (await member.post(keys, { tenant_id: member.projectId })).credential;
  const { id } = (await member.get(`${v3}/credentials`)).credentials[0];
  const root = loginOf(await attempt(cloud, byPassword(cloud, owner), { project: { id: member.projectId } }));
  for (const kind of kinds) {
    const draw = { one: () => 'nobody', some: (all: unknown[]) => all, flag: () => true } as unknown as Random;
    const token = (await (await handOn(cloud, draw, kind, root))?.logIn())?.token ?? '';
    const get = (path: string) => ask(cloud, token, 'GET', path);
    const mine = kind === 'key pair' ? 2 : 1;
    t.is((await get(`${keys}/${access}`)).status, 404, kind);
    t.is((await get(`${v3}/credentials/${id}`)).status, 404, kind);
    t.deepEqual((await get(`${v3}/credentials`)).body.credentials, [], kind);
    t.deepEqual((await get(keys)).body.credentials, [], kind);
    t.true((await member.get(keys)).credentials.length >= mine, kind);
    t.is(
      (await get(`${v3}/users/${member.userId}/application_credentials`)).status,
      kind === 'trust' ? 403 : 200,
      kind,
    );
    t.is((await ask(cloud, token, 'DELETE', `${keys}/${access}`)).status === 204, false, kind);
  }
});

test('an unrestricted application credential makes others within its access rules and its life', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as(owner);
  const path = `${v3}/users/${member.userId}/application_credentials`;
  const rules = [
    { service: 'identity', method: 'POST', path: '/v3/users/*/application_credentials' },
    { service: 'compute', method: 'GET', path: '/v2.1/servers' },
  ];
  const expires_at = '2099-01-01T00:00:00.000000';
  const parent = { name: 'parent', unrestricted: true, expires_at, access_rules: rules };
  const { id, secret } = (await member.post(path, { application_credential: parent })).application_credential;
  const { token } = loginOf(await attempt(cloud, byCredential({ id, secret })));
  const post = async (more: object) => {
    const body = { application_credential: { name: `${Math.random()}`, ...more } };
    const answer = await ask(cloud, token, 'POST', path, body);
    return { status: answer.status, made: answer.body.application_credential };
  };
  const { made } = await post({});
  t.is(made.expires_at, expires_at);
  t.is(made.access_rules.length, 2);
  const narrow = await post({ access_rules: [rules[1]], expires_at: '2098-01-01T00:00:00' });
  t.like(narrow.made.access_rules, { length: 1, 0: rules[1] as object });
  t.is((await post({ access_rules: [{ service: 'network', method: 'GET', path: '/**' }] })).status, 403);
  t.is((await post({ expires_at: '2099-01-01T00:00:01' })).status, 403);
});
