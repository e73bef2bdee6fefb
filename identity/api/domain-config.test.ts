import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';

test('a domain keeps options of its own, whole, by group and one by one', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'configured' } });
  const at = `${v3}/domains/${domain.id}/config`;
  await admin.get(at, 404);
  await admin.delete(at);
  const ldap = { url: 'ldap://directory', user_tree_dn: 'ou=Users' };
  const shown = { identity: { driver: 'ldap' }, ldap };
  const config = { ...shown, ldap: { ...ldap, password: 'a secret' } };
  t.deepEqual((await admin.put(at, { config }, 201)).config, shown);
  t.deepEqual((await admin.put(at, { config }, 200)).config, shown);
  t.deepEqual((await admin.get(at)).config, shown);
  t.deepEqual((await admin.get(`${at}/ldap`)).config, { ldap });
  t.deepEqual((await admin.get(`${at}/ldap/url`)).config, { url: 'ldap://directory' });
  await admin.get(`${at}/ldap/password`, 404);

  const limited = { driver: 'sql', list_limit: 7 };
  const changed = await admin.patch(`${at}/identity`, { config: { identity: limited } });
  t.deepEqual(changed.config, { identity: limited, ldap });
  t.deepEqual((await admin.patch(`${at}/identity/driver`, { config: { driver: 'x' } })).config.identity.driver, 'x');
  t.deepEqual((await admin.patch(at, { config: { ldap: { page_size: null } } })).config.ldap.page_size, null);
  await admin.patch(`${at}/ldap/password`, { config: { password: 'other' } });
  await admin.patch(`${at}/ldap/suffix`, { config: { suffix: 'x' } }, 404);

  await admin.delete(`${at}/identity/driver`);
  await admin.delete(`${at}/identity/driver`, 404);
  await admin.get(`${at}/identity/driver`, 404);
  await admin.delete(`${at}/identity`);
  for (const method of ['get', 'delete'] as const) await admin[method](`${at}/identity`, 404);
  await admin.patch(`${at}/identity`, { config: { identity: limited } }, 404);
  const rows = await cloud.db('domain_config_options').where({ option: 'password' });
  t.is(rows.length, 1);
  t.notRegex(JSON.stringify(rows) + cloud.logLines.join(), /a secret|other/);
  await admin.delete(at);
  await admin.get(at, 404);
  await admin.get(`${v3}/domains/${'0'.repeat(32)}/config`, 404);
  await admin.put(`${v3}/domains/${'0'.repeat(32)}/config`, { config }, 404);
});

test('only what a domain can have of its own is taken', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const at = `${v3}/domains/default/config`;
  const url = { url: 'ldap://directory' };
  for (const config of [
    {},
    { other: { a: 1 } },
    { ldap: {} },
    { ldap: { other: 1 } },
    { ldap: 'x' },
    { constructor: { name: 1 } },
  ])
    await admin.put(at, { config }, 403);
  await admin.put(at, { config: { ldap: { url: 'x'.repeat(70_000) } } }, 400);
  await admin.put(at, { config: { ldap: { url: 'nul\0' } } }, 400);
  await admin.put(at, { config: { ldap: { url: { a: 1 } } } }, 400);
  await admin.put(at, {}, 400);
  await admin.put(at, { config: { ldap: url } }, 201);
  await admin.patch(`${at}/ldap`, { config: { ldap: url, identity: { driver: 'sql' } } }, 403);
  await admin.patch(`${at}/ldap`, { config: { identity: { driver: 'sql' } } }, 403);
  await admin.patch(`${at}/ldap/url`, { config: { ...url, suffix: 'x' } }, 403);
  await admin.patch(`${at}/ldap/url`, { config: { suffix: 'x' } }, 403);
  for (const path of ['other', 'ldap/other']) {
    await admin.get(`${at}/${path}`, 403);
    await admin.delete(`${at}/${path}`, 403);
    await admin.get(`${v3}/domains/config/${path}/default`, 403);
  }
});

test('the defaults are shown, and only administrators and readers of the system see any of it', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { config } = await admin.get(`${v3}/domains/config/default`);
  t.deepEqual(config.identity, { driver: 'sql', list_limit: null });
  for (const [group, options] of Object.entries(config as Record<string, Record<string, unknown>>)) {
    t.deepEqual((await admin.get(`${v3}/domains/config/${group}/default`)).config, { [group]: options });
    for (const [option, value] of Object.entries(options))
      t.deepEqual((await admin.get(`${v3}/domains/config/${group}/${option}/default`)).config, { [option]: value });
  }
  await admin.get(`${v3}/domains/config/ldap/password/default`, 403);
  await admin.put(`${v3}/domains/default/config`, { config: { identity: { driver: 'sql' } } }, 201);
  const auditor = await somebody(t, cloud, { role: 'reader', on: 'system' });
  await auditor.get('/domains/default/config');
  await auditor.get('/domains/config/default');
  const manager = await somebody(t, cloud, { role: 'admin', on: { domain: 'default' } });
  for (const path of ['/domains/default/config', '/domains/config/default']) await manager.get(path, 403);
  for (const someone of [auditor, manager]) {
    await someone.patch('/domains/default/config', { config: { identity: { driver: 'x' } } }, 403);
    await someone.delete('/domains/default/config', 403);
  }
});

test('everybody may know what is demanded of passwords', async (t) => {
  const settings = { passwordRegex: '^.{7,}$', passwordRegexDescription: 'At least 7 characters' };
  const member = (await startTestCloud(t, settings)).as('member');
  const at = `${v3}/domains/default/config/security_compliance`;
  const demands = { password_regex: '^.{7,}$', password_regex_description: 'At least 7 characters' };
  t.deepEqual((await member.get(at)).config, { security_compliance: demands });
  t.deepEqual((await member.get(`${at}/password_regex`)).config, { password_regex: '^.{7,}$' });
  for (const option of ['lockout_duration', 'constructor']) await member.get(`${at}/${option}`, 403);
  for (const id of ['elsewhere', '0'.repeat(32)]) await member.get(at.replace('default', id), 403);
});
