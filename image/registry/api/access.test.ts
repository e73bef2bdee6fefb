/** Who may what at the registry, and for how long. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { Answer, Client } from '../../../tests/cloud.ts';
import { personas } from '../../../tests/personas.ts';
import { digestOf, startRegistryCloud } from '../testing.ts';

const everything = 'repository:p1/app:pull,push,delete';

interface Claims {
  grants: { repositories: { actions: string[] }[] }[];
}

const claimsOf = ({ body }: Answer): Claims =>
  JSON.parse(Buffer.from(body.token.split('.')[1], 'base64url').toString());

/** Of the one repository that was asked for. */
const actionsIn = (answer: Answer): string[] =>
  claimsOf(answer).grants.flatMap(({ repositories }) => repositories.flatMap(({ actions }) => actions));

async function applicationCredential(client: Client, fields: object) {
  const path = `/identity/v3/users/${client.userId}/application_credentials`;
  return (await client.post(path, { application_credential: { name: 'ci', ...fields } })).application_credential;
}

test('a token has what its user’s role in the project allows, and nothing in other projects', async (t) => {
  const cloud = await startRegistryCloud(t, { failedLoginsPerAddress: 0 });
  const ofRole = async (...who: Parameters<typeof cloud.docker>) =>
    actionsIn(await cloud.docker(...who).logIn(everything));
  const { member, reader, stranger, nobody, admin } = personas;
  t.deepEqual(await ofRole('member', member.password), ['pull', 'push', 'delete']);
  t.deepEqual(await ofRole('Default/member', member.password), ['pull', 'push', 'delete']);
  t.deepEqual(await ofRole('reader', reader.password), ['pull']);
  for (const [name, { password }] of Object.entries({ stranger, nobody, admin }))
    t.deepEqual(await ofRole(name, password), [], name);
  t.deepEqual(await ofRole('token', await cloud.as('reader').token()), ['pull']);
  t.deepEqual(await ofRole('token', await cloud.as('stranger').token()), []);
  t.deepEqual(await ofRole('token', await cloud.as('admin').token()), ['pull', 'push', 'delete'], 'of the cloud');
  const reading = await applicationCredential(cloud.as('member'), { roles: [{ name: 'reader' }] });
  t.deepEqual(await ofRole(reading.id, reading.secret), ['pull'], 'less than its user');
  // What is not there looks like what is not allowed.
  const member1 = cloud.dockerAs('member');
  const told = await Promise.all(
    ['p2/app', 'nowhere/app', 'p1'].map(async (name) => actionsIn(await member1.logIn(`repository:${name}:pull`))),
  );
  t.deepEqual(told, [[], [], []]);

  for (const [user, password] of [
    ['member', 'wrong'],
    ['absent', member.password],
    ['token', 'no token'],
    [reading.id, 'wrong'],
    ['Nowhere/member', member.password],
  ] as const) {
    const { status, text } = await cloud.docker(user, password).logIn(everything);
    t.is(status, 401, user);
    t.is(text, (await cloud.docker('member', 'wrong').logIn(everything)).text);
  }
  t.is((await cloud.anonymous.request({ method: 'GET', path: '/registry/token' })).status, 401);
  const basic = (text: string) => Buffer.from(text).toString('base64').replace(/=+$/, '');
  const canaries = [reading.secret, basic(`member:${member.password}`), basic(`${reading.id}:${reading.secret}`)];
  const token = await member1.tokenFor(everything);
  await member1.request('GET', '/v2/p1/absent/manifests/v1');
  for (const secret of [...canaries, token])
    t.false(
      cloud.logLines.some((line) => line.includes(secret)),
      'what lets somebody in is not logged',
    );
});

test('nobody reaches what their token does not name, whether it is there or not', async (t) => {
  const cloud = await startRegistryCloud(t);
  const image = await cloud.dockerAs('member').push('p1/app', 'v1');
  const paths = (name: string) => [
    ['GET', `/v2/${name}/manifests/v1`],
    ['GET', `/v2/${name}/manifests/${image.digest}`],
    ['DELETE', `/v2/${name}/manifests/v1`],
    ['GET', `/v2/${name}/blobs/${digestOf(image.layer)}`],
    ['DELETE', `/v2/${name}/blobs/${digestOf(image.layer)}`],
    ['POST', `/v2/${name}/blobs/uploads/`],
    ['GET', `/v2/${name}/tags/list`],
    ['GET', `/v2/${name}/referrers/${image.digest}`],
  ];
  const without = ({ headers, text, status }: Answer, name: string) =>
    JSON.stringify([status, headers['www-authenticate'], text]).replaceAll(name, 'NAME');
  for (const persona of ['stranger', 'nobody'] as const) {
    const docker = cloud.dockerAs(persona);
    for (const [i, [method, path]] of paths('p1/app').entries()) {
      const foreign = await docker.request(method!, path!);
      t.is(foreign.status, 401, `${persona} ${method} ${path}`);
      const absent = await docker.request(method!, paths('p1/absent')[i]![1]!);
      t.is(without(foreign, 'p1/app'), without(absent, 'p1/absent'));
    }
  }
  const reader = cloud.dockerAs('reader');
  t.is((await reader.request('GET', '/v2/p1/app/manifests/v1')).status, 200);
  for (const [method, path] of [
    ['POST', '/v2/p1/app/blobs/uploads/'],
    ['PUT', '/v2/p1/app/manifests/v2'],
    ['DELETE', '/v2/p1/app/manifests/v1'],
  ] as const)
    t.is((await reader.request(method, path, { payload: '{}' })).status, 401, method);
  // A token of identity's is none of the registry's, nor the other way round.
  const token = await cloud.as('member').token();
  const headers = { authorization: `Bearer ${token}` };
  t.is((await cloud.anonymous.request({ method: 'GET', path: '/v2/', headers })).status, 401);
  const registryToken = await cloud.dockerAs('member').tokenFor(everything);
  const asIdentity = { 'x-auth-token': registryToken };
  t.is((await cloud.anonymous.request({ method: 'GET', path: '/image/v2/images', headers: asIdentity })).status, 401);
  t.deepEqual((await cloud.dockerAs('stranger').request('GET', '/v2/_catalog')).body, { repositories: [] });
  const { repositories } = (await reader.request('GET', '/v2/_catalog')).body;
  t.deepEqual(repositories, [`${cloud.as('member').projectId}/app`]);
});

test('a token ends with the rights that it was made of', async (t) => {
  const cloud = await startRegistryCloud(t);
  const admin = cloud.as('admin');
  const member = cloud.dockerAs('member');
  await member.push('p1/app', 'v1');
  const pull = async (text: string) =>
    (
      await cloud.anonymous.request({
        method: 'GET',
        path: '/v2/p1/app/manifests/v1',
        headers: { authorization: `Bearer ${text}` },
      })
    ).status;
  const ends = async (what: string, make: () => Promise<string>, end: () => Promise<unknown>) => {
    const text = await make();
    t.is(await pull(text), 200, what);
    await end();
    t.is(await pull(text), 401, what);
  };
  const path = `/identity/v3/users/${cloud.as('member').userId}`;
  const withPassword = async () => (await cloud.dockerAs('reader').logIn(everything)).body.token as string;

  const credential = await applicationCredential(cloud.as('member'), {});
  const withCredential = async () =>
    (await cloud.docker(credential.id, credential.secret).logIn(everything)).body.token;
  await ends('an application credential is deleted', withCredential, () =>
    cloud.as('member').delete(`${path}/application_credentials/${credential.id}`),
  );
  const { role_assignments: held } = await admin.get(
    `/identity/v3/role_assignments?user.id=${cloud.as('reader').userId}`,
  );
  const grant = `/identity/v3/projects/${held[0].scope.project.id}/users/${cloud.as('reader').userId}/roles/${held[0].role.id}`;
  await ends('a role is taken away', withPassword, () => admin.delete(grant));
  await admin.put(grant, undefined, 204);
  await ends('a user is disabled', withPassword, () =>
    admin.patch(`/identity/v3/users/${cloud.as('reader').userId}`, { user: { enabled: false } }),
  );
  const withToken = async () =>
    (await cloud.docker('token', await cloud.as('member').token()).logIn(everything)).body.token;
  await ends('the project is disabled', withToken, () =>
    admin.patch(`/identity/v3/projects/${cloud.as('member').projectId}`, { project: { enabled: false } }),
  );
});

test('access rules of an application credential and the operator’s policy hold for each request', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'registry-policy-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const policyFile = join(directory, 'policy.json');
  await writeFile(policyFile, '{}');
  const cloud = await startRegistryCloud(t, { policyFile });
  const member = cloud.dockerAs('member');
  await member.push('p1/app', 'v1');
  await member.push('p1/other', 'v1');
  const withRule = async (name: string, method: string, path: string) => {
    const access_rules = [{ service: 'container-registry', method, path }];
    const { id, secret } = await applicationCredential(cloud.as('member'), { name, access_rules });
    return cloud.docker(id, secret);
  };
  const restricted = await withRule('restricted', 'GET', '/v2/p1/app/**');
  const narrow = await withRule('narrow', 'GET', '/v2/p1/*/manifests/*');
  const pushing = await withRule('pushing', 'POST', '/v2/p1/app/**');
  t.is((await restricted.request('GET', '/v2/')).status, 200);
  t.is((await restricted.request('GET', '/v2/p1/app/manifests/v1')).status, 200);
  t.is((await restricted.request('GET', '/v2/p1/other/manifests/v1')).status, 401);
  t.is((await restricted.request('POST', '/v2/p1/app/blobs/uploads/')).status, 401);
  t.is((await restricted.request('HEAD', '/v2/p1/app/manifests/v1')).status, 200);
  await member.push('p1/app/deeper', 'v1');
  t.is((await narrow.request('GET', '/v2/p1/app/manifests/v1')).status, 200);
  for (const path of [
    '/v2/p1/app/deeper/manifests/v1',
    '/v2/p1/app%2Fdeeper/manifests/v1',
    '/v2/p1/app%2fdeeper/manifests/v1',
  ])
    t.is((await narrow.request('GET', path)).status, 401, path);
  const { layer } = await member.push('p1/other', 'v2');
  const mounted = await pushing.request('POST', `/v2/p1/app/blobs/uploads/?mount=${digestOf(layer)}&from=p1/other`, {
    also: ['repository:p1/other:pull'],
  });
  t.is(mounted.status, 202, 'what it may not pull it does not mount');

  const pull = async () => (await member.request('GET', '/v2/p1/app/manifests/v1')).status;
  t.is(await pull(), 200);
  await writeFile(`${policyFile}.new`, '{"registry:repository:pull": "role:admin"}');
  await rename(`${policyFile}.new`, policyFile);
  for (const end = Date.now() + 10_000; (await pull()) === 200 && Date.now() < end; ) await delay(20);
  t.is(await pull(), 401, 'with a token from before');
});

test('a blob is mounted from where its user may pull, and from nowhere else', async (t) => {
  const cloud = await startRegistryCloud(t);
  const [member, stranger] = [cloud.dockerAs('member'), cloud.dockerAs('stranger')];
  const { layer } = await member.push('p1/app', 'v1');
  const digest = digestOf(layer);
  const mount = (docker: typeof member, to: string, from: string) =>
    docker.request('POST', `/v2/${to}/blobs/uploads/?mount=${digest}&from=${from}`, {
      also: [`repository:${from}:pull`],
    });
  const own = await mount(member, 'p1/copy', 'p1/app');
  t.is(own.status, 201, own.text);
  t.is((await member.request('GET', `/v2/p1/copy/blobs/${digest}`)).status, 200);
  t.is((await mount(stranger, 'p2/stolen', 'p1/app')).status, 202, 'send it yourself');
  t.is((await stranger.request('GET', `/v2/p2/stolen/blobs/${digest}`)).status, 404);
  for (const from of ['p1/absent', '../app', 'p1/app%00', ''])
    t.is((await mount(member, 'p1/copy2', from)).status, 202, from);
  // Whoever knows a digest cannot refer to it.
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: layer.length },
    layers: [],
  };
  const refused = await stranger.pushManifest('p2/stolen', 'v1', manifest);
  t.is(refused.status, 404);
  t.is(refused.body.errors[0].code, 'MANIFEST_BLOB_UNKNOWN');
});
