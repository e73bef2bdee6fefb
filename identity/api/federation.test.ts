import test, { type ExecutionContext } from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

const base = '/identity/v3/OS-FEDERATION';
const links = `http://cloud.test${base}`;
const rules = [{ local: [{ user: { name: '{0}' } }], remote: [{ type: 'OIDC-sub' }] }];

async function start(t: ExecutionContext) {
  const cloud = await startTestCloud(t);
  return { cloud, admin: cloud.as('admin') };
}

test('identity providers are registered, shown, listed, changed and deleted', async (t) => {
  const { cloud, admin } = await start(t);
  const path = `${base}/identity_providers/acme`;
  const { identity_provider: made } = await admin.put(path, { identity_provider: { remote_ids: ['b', 'a'] } }, 201);
  t.regex(made.domain_id, /^[0-9a-f]{32}$/);
  t.deepEqual(made, {
    id: 'acme',
    domain_id: made.domain_id,
    enabled: false,
    description: null,
    authorization_ttl: null,
    remote_ids: ['a', 'b'],
    links: { self: `${links}/identity_providers/acme`, protocols: `${links}/identity_providers/acme/protocols` },
  });
  const domain = await cloud.db('domains').where({ id: made.domain_id }).first();
  t.is(domain.description, 'Auto generated federated domain for Identity Provider: acme');
  t.deepEqual((await admin.get(path)).identity_provider, made);

  const change = { enabled: true, description: 'd', authorization_ttl: 5, remote_ids: ['c'] };
  const { identity_provider: changed } = await admin.patch(path, { identity_provider: change });
  t.deepEqual(changed, { ...made, ...change });
  t.deepEqual((await admin.patch(path, { identity_provider: { remote_ids: null } })).identity_provider.remote_ids, []);
  await admin.put(`${base}/identity_providers/other`, { identity_provider: { domain_id: 'default' } }, 201);
  const ids = async (query: string) =>
    (await admin.get(`${base}/identity_providers${query}`)).identity_providers.map(({ id }: { id: string }) => id);
  t.deepEqual(await ids(''), ['acme', 'other']);
  t.deepEqual(await ids('?enabled=true'), ['acme']);
  t.deepEqual(await ids('?id=other'), ['other']);
  t.deepEqual(await ids('?limit=1'), ['acme']);
  t.deepEqual(await ids('?limit=1&marker=acme'), ['other']);
  await admin.delete(path);
  await admin.get(path, 404);
  await admin.delete(path, 404);
  t.truthy(await cloud.db('domains').where({ id: made.domain_id }).first(), 'its domain stays');
});

test('an id, and an issuer, is one identity provider’s', async (t) => {
  const { cloud, admin } = await start(t);
  const domains = async () => (await cloud.db('domains')).length;
  await admin.put(`${base}/identity_providers/a`, { identity_provider: { remote_ids: ['x', 'y'] } }, 201);
  const before = await domains();
  const again = await admin.put(`${base}/identity_providers/a`, { identity_provider: {} }, 409);
  t.regex(again.error.message, /Duplicate entry/);
  const taken = await admin.put(`${base}/identity_providers/b`, { identity_provider: { remote_ids: ['y'] } }, 409);
  t.regex(taken.error.message, /Duplicate remote ID/);
  t.is(await domains(), before, 'no domain is left of who was not made');
  await admin.put(`${base}/identity_providers/b`, { identity_provider: {} }, 201);
  await admin.patch(`${base}/identity_providers/b`, { identity_provider: { remote_ids: ['z', 'x'] } }, 409);
  t.deepEqual((await admin.get(`${base}/identity_providers/b`)).identity_provider.remote_ids, []);
});

test('mappings are created, shown, listed, replaced and deleted', async (t) => {
  const { admin } = await start(t);
  const path = `${base}/mappings/m`;
  const { mapping } = await admin.put(path, { mapping: { rules } }, 201);
  t.deepEqual(mapping, { id: 'm', rules, schema_version: '1.0', links: { self: `${links}/mappings/m` } });
  await admin.put(path, { mapping: { rules } }, 409);
  const others = [{ local: [{ group: { id: 'g' } }], remote: [{ type: 'x', any_one_of: ['y'] }] }];
  const replaced = await admin.patch(path, { mapping: { rules: others, schema_version: '2.0' } });
  t.like(replaced.mapping, { rules: others, schema_version: '2.0' });
  t.deepEqual((await admin.get(path)).mapping, replaced.mapping);
  t.deepEqual((await admin.get(`${base}/mappings`)).mappings, [replaced.mapping]);
  const wrong = await admin.put(
    `${base}/mappings/w`,
    { mapping: { rules: [{ ...rules[0], local: [{ user: { name: '{7}' } }] }] } },
    400,
  );
  t.regex(wrong.error.message, /rules\.0\.local\.0: .*\{7\}/);
  await admin.get(`${base}/mappings/w`, 404);
  await admin.delete(path);
  await admin.patch(path, { mapping: { rules } }, 404);
});

test('protocols are an identity provider’s own', async (t) => {
  const { admin } = await start(t);
  await admin.put(`${base}/mappings/m`, { mapping: { rules } }, 201);
  await admin.put(`${base}/mappings/n`, { mapping: { rules } }, 201);
  for (const id of ['a', 'b']) await admin.put(`${base}/identity_providers/${id}`, { identity_provider: {} }, 201);
  const path = `${base}/identity_providers/a/protocols/openid`;
  const { protocol } = await admin.put(path, { protocol: { mapping_id: 'm' } }, 201);
  const provider = `${links}/identity_providers/a`;
  const view = {
    id: 'openid',
    mapping_id: 'm',
    links: { self: `${provider}/protocols/openid`, identity_provider: provider },
  };
  t.deepEqual(protocol, view);
  await admin.put(path, { protocol: { mapping_id: 'm' } }, 409);
  await admin.put(`${base}/identity_providers/b/protocols/openid`, { protocol: { mapping_id: 'm' } }, 201);
  await admin.put(`${base}/identity_providers/c/protocols/openid`, { protocol: { mapping_id: 'm' } }, 404);
  await admin.put(`${base}/identity_providers/a/protocols/saml2`, { protocol: { mapping_id: 'gone' } }, 400);
  t.deepEqual((await admin.get(`${base}/identity_providers/a/protocols`)).protocols, [
    { ...view, idp_id: 'a', remote_id_attribute: null },
  ]);
  const change = { mapping_id: 'n', remote_id_attribute: 'OIDC-iss' };
  t.like((await admin.patch(path, { protocol: change })).protocol, change);
  await admin.patch(path, { protocol: { mapping_id: 'gone' } }, 400);
  await admin.delete(path);
  await admin.get(path, 404);
  await admin.get(`${base}/identity_providers/b/protocols/openid`);
});

test('service providers are registered, shown, listed, changed and deleted', async (t) => {
  const { admin } = await start(t);
  const path = `${base}/service_providers/sp`;
  const asked = {
    auth_url: 'https://sp.test/v3/OS-FEDERATION/x/auth',
    sp_url: 'https://sp.test/Shibboleth.sso/SAML2/ECP',
  };
  const { service_provider: made } = await admin.put(path, { service_provider: asked }, 201);
  t.deepEqual(made, {
    id: 'sp',
    ...asked,
    enabled: false,
    description: null,
    relay_state_prefix: 'ss:mem:',
    links: { self: `${links}/service_providers/sp` },
  });
  await admin.put(path, { service_provider: asked }, 409);
  const change = { enabled: true, description: 'd', relay_state_prefix: 'p' };
  t.deepEqual((await admin.patch(path, { service_provider: change })).service_provider, { ...made, ...change });
  t.is((await admin.get(`${base}/service_providers?enabled=false`)).service_providers.length, 0);
  t.is((await admin.get(`${base}/service_providers`)).service_providers.length, 1);
  await admin.delete(path);
  await admin.get(path, 404);
  await admin.put(path, { service_provider: { auth_url: 'https://sp.test/' } }, 400);
  await admin.put(path, { service_provider: { ...asked, sp_url: 'no address' } }, 400);
});

test('what is wrong is refused, and nothing is made of it', async (t) => {
  const { cloud, admin } = await start(t);
  const domains = (await cloud.db('domains')).length;
  for (const identity_provider of [
    { enabled: 'yes' },
    { remote_ids: ['a', 'a'] },
    { remote_ids: [''] },
    { remote_ids: 'a' },
    { authorization_ttl: -1 },
    { authorization_ttl: 1.5 },
    { domain_id: 5 },
    { more: 1 },
    { description: 'a\0b' },
  ])
    await admin.put(`${base}/identity_providers/x`, { identity_provider }, 400);
  await admin.put(`${base}/identity_providers/x`, {}, 400);
  await admin.put(`${base}/identity_providers/x`, { identity_provider: { domain_id: 'nowhere' } }, 404);
  for (const id of ['a'.repeat(65), 'a%2Fb', '%00', '%3F', ' a'])
    await admin.put(`${base}/identity_providers/${id.replace(' ', '%20')}`, { identity_provider: {} }, 400);
  await admin.put(`${base}/identity_providers/b%C3%BCro`, { identity_provider: {} }, 201);
  await admin.patch(`${base}/identity_providers/b%C3%BCro`, { identity_provider: {} }, 400);
  await admin.patch(`${base}/identity_providers/b%C3%BCro`, { identity_provider: { domain_id: 'default' } }, 400);
  t.is((await cloud.db('identity_providers')).length, 1);
  t.is((await cloud.db('domains')).length, domains + 1);
});

test('only administrators write, and readers of the system read', async (t) => {
  const { cloud } = await start(t);
  for (const persona of ['member', 'reader', 'nobody'] as const) {
    await cloud.as(persona).get(`${base}/identity_providers`, 403);
    await cloud.as(persona).put(`${base}/mappings/m`, { mapping: { rules } }, 403);
    await cloud.as(persona).delete(`${base}/service_providers/x`, 403);
  }
});
