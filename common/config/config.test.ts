import test from 'ava';
import { BadRequest } from '../errors.ts';
import { buildConfig } from './config.ts';

test('flags win over variables, variables over the file, the file over defaults', (t) => {
  const config = buildConfig({
    file: { listenPort: 1, region: 'file', logLevel: 'warn' },
    env: { CIRROSTACK_LISTEN_PORT: '2', CIRROSTACK_REGION: 'env' },
    args: ['--listen-port', '3', '--docker-socket=/x=y'],
  });
  t.like(config, { listenPort: 3, region: 'env', logLevel: 'warn', dockerSocket: '/x=y', listenHost: '127.0.0.1' });
});

test('a setting of yes or no is true or false', (t) => {
  const args = ['--change-password-upon-first-use', 'true'];
  t.true(buildConfig({ args }).changePasswordUponFirstUse);
  t.false(buildConfig({ args: [], env: {} }).changePasswordUponFirstUse);
});

test('the database URL is secret', (t) => {
  const config = buildConfig({ env: { DATABASE_URL: 'postgresql://u:hidden@h/d' } });
  t.is(config.databaseUrl.reveal(), 'postgresql://u:hidden@h/d');
  t.notRegex(JSON.stringify(config), /hidden/);
});

for (const [what, sources] of Object.entries({
  'an unknown key in the file': { file: { listenPrt: 1 } },
  'an unknown variable': { env: { CIRROSTACK_LISTEN_PRT: '1' } },
  'an unknown flag': { args: ['--listen-prt', '1'] },
  'a flag without a value': { args: ['--listen-port'] },
  'a number that is none': { env: { CIRROSTACK_LISTEN_PORT: 'http' } },
  'a yes-or-no that is neither': { env: { CIRROSTACK_CHANGE_PASSWORD_UPON_FIRST_USE: 'maybe' } },
  'a port out of range': { file: { listenPort: 65536 } },
  'an unknown role': { file: { roles: 'api,cook' } },
  'a file that is a list': { file: [] },
}))
  test(`${what} is refused`, (t) => {
    t.throws(() => buildConfig(sources), { instanceOf: BadRequest });
  });
