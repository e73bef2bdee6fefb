/** That secrets are compared in one place, which takes as long whatever they are: `===` ends at the first difference, and its time tells where. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '..');
const folders = ['common', 'identity', 'dashboard', 'host', 'storage', 'compute', 'network', 'image'];

const comparison = /(typeof\s+)?([\w$.()[\]?]+)\s*[!=]==?\s*([\w$.'"()[\]?-]+)/g;
const secretName = /(password|secret|passcode|signature|hmac|seed|passwordHash|secretHash|reveal)\W*$/i;
/** What says whether there is one at all, or of which kind it is. */
const literal = /^(undefined|null|true|false|\d|['"])/;

/** Comparisons of what nobody guesses at, each with why. */
const harmless = [
  'passwordHash !== user.passwordHash', // both are the database's: whether it was changed meanwhile
  "(await askHidden('Once more: ')) !== password", // what one person types twice
];

/** Every source file of the folders, but tests. */
async function sources(): Promise<string[]> {
  const entries = await Promise.all(
    folders.map((folder) => readdir(join(root, folder), { recursive: true }).catch(() => [])),
  );
  return folders
    .flatMap((folder, i) => (entries[i] ?? []).map((name) => join(folder, name)))
    .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$|node_modules/.test(name));
}

function comparesSecrets(line: string): boolean {
  if (harmless.some((allowed) => line.includes(allowed)) || line.trimStart().startsWith('*')) return false;
  return [...line.matchAll(comparison)].some(
    ([, isOfType, left = '', right = '']) =>
      isOfType === undefined && !literal.test(right) && [left, right].some((operand) => secretName.test(operand)),
  );
}

test('what compares secrets is recognised', (t) => {
  for (const line of [
    'if (given.password === user.password)',
    'return signature !== expected;',
    'a.secret.reveal() == other',
    'if (expected === hmac) return',
    'passcodeOf(secret, step) === passcode',
  ])
    t.true(comparesSecrets(line), line);
  for (const line of [
    "if (typeof secret !== 'string')",
    'password === null ? null : new Secret(password)',
    "signature === 'KDMV'",
    "url.username !== '' || url.password !== ''",
    "secret === ''",
    'uniquePasswords === 0',
  ])
    t.false(comparesSecrets(line), line);
});

test('no secret is compared but by the one function for it', async (t) => {
  const files = await sources();
  t.true(files.length > 100);
  for (const file of files) {
    const lines = (await readFile(join(root, file), 'utf8')).split('\n');
    for (const [index, line] of lines.entries())
      if (comparesSecrets(line) || (line.includes('timingSafeEqual') && file !== join('common', 'secret.ts')))
        t.fail(`${file}:${index + 1} compares a secret; use secretsEqual of common/secret.ts: ${line.trim()}`);
  }
});
