import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { BadRequest } from '../../../common/errors.ts';
import { federationSettings, readFederationFile } from './settings.ts';

const issuer = { issuer: 'https://sso.example.test/realms/staff', clientId: 'cirrostack' };

test('the operator’s file says whose tokens count', (t) => {
  const { issuers, trustedDashboards } = federationSettings({
    issuers: [{ ...issuer, clientSecret: 'hidden', clients: ['cli'], title: 'Staff' }],
    trustedDashboards: ['https://horizon.example.test/auth/websso/'],
  });
  t.is(issuers[0]?.clientSecret?.reveal(), 'hidden');
  t.notRegex(JSON.stringify(issuers), /hidden/);
  t.deepEqual(trustedDashboards, ['https://horizon.example.test/auth/websso/']);
  t.like(federationSettings({ issuers: [issuer] }).issuers[0], { clientSecret: null, clients: [], title: null });
});

for (const [what, content] of [
  ['no object', []],
  ['no issuers', {}],
  ['an unknown setting', { issuers: [], more: 1 }],
  ['an unknown setting of an issuer', { issuers: [{ ...issuer, secret: 'x' }] }],
  ['an issuer without a client', { issuers: [{ issuer: issuer.issuer }] }],
  ['an issuer that is no address', { issuers: [{ ...issuer, issuer: 'staff' }] }],
  ['an issuer that is not Keycloak’s', { issuers: [{ ...issuer, issuer: 'https://accounts.example.test' }] }],
  ['an issuer of another protocol', { issuers: [{ ...issuer, issuer: 'file:///x/realms/staff' }] }],
  ['an issuer with a query', { issuers: [{ ...issuer, issuer: 'https://x/?/realms/staff' }] }],
  ['an issuer that reads the environment', { issuers: [{ ...issuer, issuer: 'https://${env.X}/realms/staff' }] }],
  ['an issuer with a password', { issuers: [{ ...issuer, issuer: 'https://a:b@x/realms/staff' }] }],
  ['an issuer twice', { issuers: [issuer, issuer] }],
  ['a dashboard that is no address', { issuers: [], trustedDashboards: ['javascript:x'] }],
] as [string, unknown][])
  test(`${what} is refused`, (t) => {
    t.throws(() => federationSettings(content), { instanceOf: BadRequest });
  });

test('without a file nobody’s tokens count; one that is named must be there and be right', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-settings-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  t.deepEqual(await readFederationFile({ federationFile: '', dataDir }), { issuers: [], trustedDashboards: [] });
  const other = join(dataDir, 'other.json');
  await t.throwsAsync(readFederationFile({ federationFile: other, dataDir }), {
    instanceOf: BadRequest,
    message: /other/,
  });
  await writeFile(other, '{');
  await t.throwsAsync(readFederationFile({ federationFile: other, dataDir }), { instanceOf: BadRequest });
  await writeFile(join(dataDir, 'federation.json'), JSON.stringify({ issuers: [issuer] }));
  t.is((await readFederationFile({ federationFile: '', dataDir })).issuers.length, 1);
});
