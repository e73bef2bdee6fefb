import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { BadRequest } from '../../common/errors.ts';
import { execute } from '../../host/execute.ts';
import { generateSshKeypair, readPublicKey } from './keypair.ts';

test('a generated keypair is one that OpenSSH reads, and its fingerprint is the one OpenSSH prints', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-keypair-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const { publicKey, privateKey } = await generateSshKeypair('Generated-by-Nova');
  const file = join(directory, 'key');
  await writeFile(file, privateKey, { mode: 0o600 });
  t.is((await execute('ssh-keygen', ['-y', '-f', file])).trim(), publicKey);
  await writeFile(`${file}.pub`, publicKey);
  const printed = await execute('ssh-keygen', ['-l', '-E', 'md5', '-f', `${file}.pub`]);
  t.true(printed.includes(`MD5:${readPublicKey(publicKey).fingerprint} `));
});

test('what is no single public key is refused', async (t) => {
  const { publicKey, privateKey } = await generateSshKeypair('x');
  const [type, body] = publicKey.split(' ');
  const bad = [
    '',
    'ssh-ed25519',
    'ssh-ed25519 !!!!',
    `ssh-rsa ${body}`,
    `${type} ${body}\n${publicKey}`,
    `command="x" ${publicKey}`,
    privateKey,
  ];
  for (const text of bad) t.throws(() => readPublicKey(text), { instanceOf: BadRequest }, text);
});
