import test from 'ava';
import { Secret } from '../../../common/secret.ts';
import { passcodeOf } from './totp.ts';

const rfc6238 = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

test('passcodes are those of RFC 6238, the last six digits of its eight', (t) => {
  for (const [seconds, passcode] of [
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ] as const)
    t.is(passcodeOf(new Secret(rfc6238), Math.floor(seconds / 30)), passcode);
});

test('a secret may be written in lower case and with padding; what is none has no passcode', (t) => {
  t.is(passcodeOf(new Secret(`${rfc6238.toLowerCase()}====`), 1), '287082');
  for (const wrong of ['', 'not base32', '0189', '=']) t.is(passcodeOf(new Secret(wrong), 1), null);
});
