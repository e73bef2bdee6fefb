/** The `openstack` client's commands for who else may vouch for users. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startClientCloud } from '../conformance/cloud.ts';
import { startOpenstack } from './openstack.ts';

test('mappings, identity providers, protocols and service providers are made, shown, listed, changed and deleted', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const cwd = await mkdtemp(join(tmpdir(), 'cirrostack-federation-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  const rules = join(cwd, 'rules.json');
  const rule = { local: [{ user: { name: '{0}' } }], remote: [{ type: 'HTTP_OIDC_SUB' }] };
  await writeFile(rules, JSON.stringify([rule]));

  t.is((await os.run('mapping create staff --rules', rules)).id, 'staff');
  t.deepEqual((await os.run('mapping show staff')).rules, [rule]);
  await writeFile(rules, JSON.stringify([{ ...rule, local: [{ user: { name: 'x-{0}' } }] }]));
  await os.run('mapping set staff --rules', rules);
  t.is((await os.run('mapping list')).length, 1);

  const provider = await os.run('identity provider create --remote-id https://id.example.org --description i office');
  t.like(provider, { id: 'office', description: 'i', enabled: true });
  await os.run('identity provider set --disable --description j office');
  t.like(await os.run('identity provider show office'), { enabled: false, description: 'j' });
  await os.run('identity provider set --enable office');
  t.is((await os.run('identity provider list')).length, 1);

  const of = '--identity-provider office';
  t.like(await os.run(`federation protocol create ${of} --mapping staff openid`), { id: 'openid', mapping: 'staff' });
  t.is((await os.run(`federation protocol list ${of}`)).length, 1);
  await os.run('mapping create others --rules', rules);
  // This version of the client ends with 1 also where it did what was asked.
  await os.attempt(`federation protocol set ${of} --mapping others openid`);
  t.like(await os.run(`federation protocol show ${of} openid`), { mapping: 'others' });
  await os.run(`federation protocol delete ${of} openid`);
  await os.run('identity provider delete office');
  await os.run('mapping delete staff others');

  const urls = '--auth-url https://a.example.org/v3 --service-provider-url https://a.example.org/saml';
  t.like(await os.run(`service provider create ${urls} --description s partner`), { id: 'partner', description: 's' });
  await os.run('service provider set --disable partner');
  t.like(await os.run('service provider show partner'), { enabled: false });
  t.is((await os.run('service provider list')).length, 1);
  await os.run('service provider delete partner');
  t.deepEqual(cloud.errors(), []);
});
