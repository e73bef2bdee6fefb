import { inspect } from 'node:util';
import test from 'ava';
import { pino } from 'pino';
import { Secret } from './secret.ts';

test('a secret shows itself nowhere but where it is revealed', (t) => {
  const secret = new Secret('canary');
  let logged = '';
  pino({}, { write: (line: string) => (logged += line) }).info({ secret, deep: { secret } }, `${secret}`);
  for (const text of [
    logged,
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }),
    inspect(secret, { showHidden: true }),
  ])
    t.notRegex(text, /canary/);
  t.is(secret.reveal(), 'canary');
  t.true(secret.equals('canary'));
  t.false(secret.equals('canary2'));
  t.false(secret.equals('Canary'));
});
