/** A real Keycloak and the unmodified `openstack` client; behind them, simulated hosts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { buildDashboard } from '../../dashboard/build.ts';
import { freePort } from '../bench/free-port.ts';
import { closeBrowser, visit } from '../browser/browser.ts';
import { type OpenstackClient, startOpenstack } from '../clients/openstack.ts';
import { startTestCloud } from '../cloud.ts';
import { usualRules } from './ground.ts';
import { type Keycloak, missingForKeycloak, startKeycloak } from './keycloak.ts';
import { commandLineClient, dashboardClient, foreignClient, makeRealm, person } from './realm.ts';

const missing = await missingForKeycloak();
const withKeycloak = missing === undefined ? test : test.skip;

const base = '/identity/v3/OS-FEDERATION';

/** One for all tests here, each with a realm of its own. */
let running: Promise<Keycloak> | undefined;
test.after.always(async () => {
  await (await running)?.stop();
});

/** A cloud that listens to the realm and to nobody else, with groups of the names that the realm has. */
async function startGround(t: ExecutionContext, realm: string) {
  t.timeout(600_000);
  running ??= startKeycloak();
  const keycloak = await running;
  const listenPort = await freePort();
  const url = `http://127.0.0.1:${listenPort}`;
  await makeRealm(keycloak, realm, { callback: `${url}/identity/v3/auth/OS-FEDERATION/callback` });
  const issuer = keycloak.issuer(realm);
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-federation-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const federationFile = join(directory, 'federation.json');
  const { id: clientId, secret: clientSecret } = dashboardClient;
  const clients = [commandLineClient, 'short-lived'];
  const settings = { issuers: [{ issuer, clientId, clientSecret, clients, title: 'the office' }] };
  await writeFile(federationFile, JSON.stringify(settings));
  const cloud = await startTestCloud(t, { listenPort, publicUrl: url, federationFile });
  await cloud.server.start();

  const admin = cloud.as('admin');
  const projects = [{ name: 'home of {0}', domain: { id: 'default' }, roles: [{ name: 'member' }] }];
  const rules = [...usualRules, { local: [{ projects }], remote: [{ type: 'OIDC-preferred_username' }] }];
  await admin.put(`${base}/mappings/usual`, { mapping: { rules, schema_version: '2.0' } }, 201);
  const provider = { enabled: true, remote_ids: [issuer] };
  await admin.put(`${base}/identity_providers/${realm}`, { identity_provider: provider }, 201);
  await admin.put(`${base}/identity_providers/${realm}/protocols/openid`, { protocol: { mapping_id: 'usual' } }, 201);
  const { project } = await admin.post('/identity/v3/projects', { project: { name: 'shared' } }, 201);
  for (const [name, role] of Object.entries({ staff: 'reader', operators: 'member' })) {
    const { roles } = await admin.get(`/identity/v3/roles?name=${role}`);
    const { group } = await admin.post('/identity/v3/groups', { group: { name } }, 201);
    await admin.put(`/identity/v3/projects/${project.id}/groups/${group.id}/roles/${roles[0].id}`, undefined, 204);
  }
  return { keycloak, cloud, url, issuer };
}

/** The unmodified client of Debian's python3-openstackclient, and tokens for it. */
function clientOf(
  t: ExecutionContext,
  { keycloak, cloud, url, issuer }: Awaited<ReturnType<typeof startGround>>,
  realm: string,
) {
  const unscoped = startOpenstack(t, url).with({
    OS_IDENTITY_PROVIDER: realm,
    OS_PROTOCOL: 'openid',
    ...Object.fromEntries(['USERNAME', 'PASSWORD', 'USER_DOMAIN_ID'].map((name) => [`OS_${name}`, ''])),
    OS_PROJECT_NAME: '',
    OS_PROJECT_DOMAIN_ID: '',
  });
  const byPassword = (password: string) =>
    unscoped.with({
      OS_AUTH_TYPE: 'v3oidcpassword',
      OS_DISCOVERY_ENDPOINT: `${issuer}/.well-known/openid-configuration`,
      OS_CLIENT_ID: dashboardClient.id,
      OS_CLIENT_SECRET: dashboardClient.secret,
      OS_USERNAME: person.name,
      OS_PASSWORD: password,
    });
  const byToken = (token: string) => unscoped.with({ OS_AUTH_TYPE: 'v3oidcaccesstoken', OS_ACCESS_TOKEN: token });
  const inProject = (who: OpenstackClient) => who.with({ OS_PROJECT_NAME: 'shared', OS_PROJECT_DOMAIN_ID: 'default' });
  /** What the client says when it does not get a token. */
  const refused = async (who: OpenstackClient): Promise<string> => {
    const { code, stderr } = await who.attempt('token issue');
    return code === 0 ? 'let in' : stderr;
  };
  /** Names of the roles of a new scoped token. */
  const roles = async (who: OpenstackClient): Promise<string[]> => {
    const { id: token } = await inProject(who).run('token issue');
    const shown = await cloud.anonymous.request({
      method: 'GET',
      path: '/identity/v3/auth/tokens',
      headers: { 'x-auth-token': token, 'x-subject-token': token },
    });
    return shown.body.token.roles.map(({ name }: { name: string }) => name).sort();
  };
  const accessToken = (client: string, inRealm = realm) =>
    keycloak.accessToken(inRealm, { client, user: person.name, password: person.password });
  return { person: byPassword(person.password), byPassword, byToken, inProject, refused, roles, accessToken };
}

const because = missing === undefined ? '' : `; missing: ${missing}`;

withKeycloak(`the openstack client logs in at a Keycloak, and gets what its groups give${because}`, async (t) => {
  const realm = 'office';
  const ground = await startGround(t, realm);
  const { keycloak, cloud } = ground;
  const { person: ada, byPassword, byToken, inProject, refused, roles, accessToken } = clientOf(t, ground, realm);

  const unscoped = await ada.run('token issue');
  t.false('project_id' in unscoped);
  t.deepEqual(await roles(ada), ['member', 'reader']);
  const projects = await ada.run('federation project list');
  t.deepEqual(projects.map(({ Name }: { Name: string }) => Name).sort(), [`home of ${person.name}`, 'shared']);
  const [user] = (await cloud.as('admin').get('/identity/v3/users')).users.filter(
    ({ name }: { name: string }) => name === person.name,
  );
  t.is(user.id, unscoped.user_id);
  t.deepEqual(await roles(byToken(await accessToken(commandLineClient))), ['member', 'reader']);

  // Out of a group there, out of its roles here.
  const [{ id: userId }] = await keycloak.admin('GET', `/realms/${realm}/users?username=${person.name}`);
  const groups = await keycloak.admin('GET', `/realms/${realm}/groups`);
  const { id: operators } = groups.find(({ name }: { name: string }) => name === 'operators');
  await keycloak.admin('DELETE', `/realms/${realm}/users/${userId}/groups/${operators}`);
  t.deepEqual(await roles(ada), ['reader']);
  const { id: staff } = groups.find(({ name }: { name: string }) => name === 'staff');
  await keycloak.admin('DELETE', `/realms/${realm}/users/${userId}/groups/${staff}`);
  t.regex(await refused(inProject(ada)), /401/);

  // Tokens that are not for this cloud.
  t.regex(await refused(byToken(await accessToken(foreignClient))), /401/);
  await makeRealm(keycloak, 'elsewhere');
  t.regex(await refused(byToken(await accessToken(commandLineClient, 'elsewhere'))), /401/);
  const right = await accessToken(commandLineClient);
  t.regex(await refused(byToken(`${right.slice(0, -6)}AAAAAA`)), /401/);
  t.regex(await refused(byPassword('wrong')), /401/);
  const shortLived = await accessToken('short-lived');
  const { exp } = JSON.parse(Buffer.from(shortLived.split('.')[1] ?? '', 'base64url').toString());
  while (Date.now() <= exp * 1000) await delay(100);
  t.regex(await refused(byToken(shortLived)), /401/);

  // The issuer signs with another key.
  await keycloak.admin('POST', `/realms/${realm}/components`, {
    name: 'another key',
    providerId: 'rsa-generated',
    providerType: 'org.keycloak.keys.KeyProvider',
    config: { priority: ['1000'], enabled: ['true'], active: ['true'], algorithm: ['RS256'] },
  });
  const keyOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
  const renewed = await accessToken(commandLineClient);
  t.not(keyOf(renewed), keyOf(right));
  // It may be up to ten seconds before the keys are asked for again.
  while ((await refused(byToken(renewed))) !== 'let in') await delay(500);

  // Disabled here, nobody gets in there, and those who are in are out.
  const { id: token } = await byToken(renewed).run('token issue');
  await cloud.as('admin').patch(`${base}/identity_providers/${realm}`, { identity_provider: { enabled: false } });
  const headers = { 'x-auth-token': token };
  t.is((await cloud.anonymous.request({ method: 'GET', path: '/identity/v3/auth/projects', headers })).status, 401);
  t.regex(await refused(ada), /403|disabled/);
});

withKeycloak(`the dashboard's users log in at a Keycloak${because}`, async (t) => {
  const ground = await startGround(t, 'people');
  const { keycloak, cloud, url } = ground;
  await buildDashboard();
  const { page, problems } = await visit(t, { ...cloud, url } as never, { path: '/images' });
  await page.getByRole('button', { name: 'Log in with the office' }).click();
  await page.locator('#username').fill(person.name);
  await page.locator('#password').fill(person.password);
  await page.locator('#kc-login').click();
  const project = page.getByLabel('Project').first();
  await page
    .getByRole('heading', { name: 'Images' })
    .or(page.getByRole('button', { name: 'Continue' }))
    .waitFor();
  if (await page.getByRole('button', { name: 'Continue' }).isVisible()) {
    await project.selectOption({ label: 'shared' });
    await page.getByRole('button', { name: 'Continue' }).click();
  }
  await page.getByRole('heading', { name: 'Images' }).waitFor();
  t.is(new URL(page.url()).pathname, '/dashboard/images');
  t.false((await page.content()).includes('handed-over-token'));
  t.deepEqual(
    problems.filter((problem) => !problem.includes(keycloak.url)),
    [],
  );

  // Somebody who is led here with a token of another's is not logged in as them.
  const token = await cloud.as('member').token();
  const { page: lured } = await visit(t, { ...cloud, url } as never, { path: '/log-in' });
  const answer = await fetch(`${url}/dashboard/sso`, { method: 'POST', body: new URLSearchParams({ token }) });
  const html = await answer.text();
  await lured.route(`${url}/dashboard/sso`, (route) => route.fulfill({ body: html, contentType: 'text/html' }));
  await lured.goto(`${url}/dashboard/sso`);
  await lured.getByText('This log-in was not begun in this tab.').waitFor();
  await closeBrowser();
});
