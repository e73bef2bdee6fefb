import test from 'ava';
import { exportJWK, generateKeyPair } from 'jose';
import { Unavailable } from '../../../common/errors.ts';
import { issuerKeys } from './keys.ts';

/** Keys of an issuer whose answers are `answers`, one after the other and then the last again. */
async function start(...answers: (unknown | Error)[]) {
  const { publicKey } = await generateKeyPair('RS256');
  const key = (kid: string, more = {}) => exportJWK(publicKey).then((jwk) => ({ ...jwk, kid, use: 'sig', ...more }));
  const clock = { ms: 1_000_000, asked: 0 };
  const keys = issuerKeys('https://sso.test/realms/r', {
    now: () => clock.ms,
    ask: async (url: string) => {
      const answer = answers[Math.min(clock.asked, answers.length - 1)];
      clock.asked += 1;
      if (url !== 'https://sso.test/realms/r/protocol/openid-connect/certs') throw new Error(url);
      if (answer instanceof Error) throw answer;
      return { status: 200, json: typeof answer === 'function' ? await answer(key) : answer };
    },
  });
  return { keys, clock };
}

type Make = (kid: string, more?: object) => Promise<object>;
const holding =
  (...kids: string[]) =>
  async (key: Make) => ({ keys: await Promise.all(kids.map((kid) => key(kid))) });

test('keys are asked for once, and again for one that is not known, but not each time', async (t) => {
  const { keys, clock } = await start(holding('a'), holding('a', 'b'));
  await Promise.all([keys.getJWK('a'), keys.getJWK('a')]);
  t.regex(await keys.getJWK('a'), /^-----BEGIN PUBLIC KEY-----/);
  await t.throwsAsync(keys.getJWK('b'));
  t.is(clock.asked, 1);
  clock.ms += 10_000;
  await t.notThrowsAsync(keys.getJWK('b'));
  t.is(clock.asked, 2);
});

test('a key that the issuer withdrew is none after ten minutes', async (t) => {
  const { keys, clock } = await start(holding('a'), holding('b'));
  await keys.getJWK('a');
  clock.ms += 600_000;
  await t.throwsAsync(keys.getJWK('a'));
  await t.notThrowsAsync(keys.getJWK('b'));
});

test('while the issuer is away it is said so, and known keys go on', async (t) => {
  const { keys, clock } = await start(new Unavailable('away'), holding('a'), new Unavailable('away'));
  await t.throwsAsync(keys.getJWK('a'), { instanceOf: Unavailable });
  await t.throwsAsync(keys.getJWK('a'), { instanceOf: Unavailable });
  t.is(clock.asked, 1, 'nor is it asked again and again');
  clock.ms += 10_000;
  await keys.getJWK('a');
  clock.ms += 600_000;
  await t.notThrowsAsync(keys.getJWK('a'));
  await t.throwsAsync(keys.getJWK('b'), { instanceOf: Unavailable });
});

for (const [what, answer] of [
  ['null', null],
  ['no list', { keys: {} }],
  ['a key that is none', { keys: [{ kid: 'a', kty: 'RSA', n: 5 }] }],
])
  test(`an answer with ${what} is no answer`, async (t) => {
    const { keys } = await start(answer);
    await t.throwsAsync(keys.getJWK('a'), { instanceOf: Unavailable });
  });

test('keys of another kind, or for another use, check no token', async (t) => {
  const answer = async (key: Make) => ({
    keys: [await key('enc', { use: 'enc' }), { kid: 'ec', kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }, await key('a')],
  });
  const { keys } = await start(answer);
  await keys.getJWK('a');
  await t.throwsAsync(keys.getJWK('enc'));
  await t.throwsAsync(keys.getJWK('ec'));
});
