/** What the inspector accepts is what QEMU, which is to open it, says that it is: one file, of that format, of that size. */
import { spawn } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { confined } from '../import/conversion.ts';
import { driverOf, honestDeclaration, makeCorpus } from './corpus.ts';
import { createInspector } from './inspector.ts';
import { mutate, randomFrom } from './mutations.ts';

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const cases = Math.ceil(Number(process.env.FUZZ_CASES ?? 3000) / 150);

interface Told {
  format: string;
  'virtual-size': number;
  'backing-filename'?: string;
  encrypted?: boolean;
  'format-specific'?: { data: { 'data-file'?: string; extents?: unknown[] } };
}

/** What qemu-img says of a file when it is told the format, or when it is to find out; undefined when it cannot open it. */
async function told(path: string, driver?: string): Promise<Told | undefined> {
  const file = await open(path, 'r');
  try {
    const command = ['qemu-img', 'info', '--output=json', ...(driver ? ['-f', driver] : []), '/dev/fd/3'];
    const arguments_ = confined(command, { virtualSizeBytes: 0 }, { uid: 65534, mostSeconds: 10 });
    const child = spawn('bwrap', arguments_, { stdio: ['ignore', 'pipe', 'ignore', file.fd] });
    return (await json(child.stdout!).catch(() => undefined)) as Told | undefined;
  } finally {
    await file.close();
  }
}

async function agrees(t: ExecutionContext, path: string, name: string, bytes: Buffer, what: string): Promise<boolean> {
  const declared = honestDeclaration[name] as keyof typeof driverOf;
  const inspector = createInspector({ diskFormat: declared, containerFormat: 'bare' });
  for (let at = 0; at < bytes.length; at += 65536) inspector.write(bytes.subarray(at, at + 65536));
  const { refusal, virtualSizeBytes } = inspector.finish();
  if (refusal !== null) return false;
  await writeFile(path, bytes);
  const driver = driverOf[declared];
  const [asDeclared, asFound] = await Promise.all([told(path, driver), told(path)]);
  t.is(asDeclared?.['virtual-size'], virtualSizeBytes ?? 0, what);
  t.is(asDeclared?.['backing-filename'], undefined, what);
  t.is(asDeclared?.['format-specific']?.data['data-file'], undefined, what);
  t.true((asDeclared?.['format-specific']?.data.extents?.length ?? 1) === 1, what);
  t.falsy(asDeclared?.encrypted, what);
  // A fixed VHD is a raw disk with a footer, where QEMU does not look.
  t.is(asFound?.format, name === 'vhd fixed' ? 'raw' : driver, what);
  return true;
}

test('what is accepted is to qemu-img one file of the same format and size, also with its header changed', async (t) => {
  t.timeout(60_000 + cases * 1000);
  t.log(`seed ${seed}, ${cases} accepted cases (set FUZZ_SEED and FUZZ_CASES to repeat or to go on)`);
  const directory = await mkdtemp(join(tmpdir(), 'image-differential-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const path = join(directory, 'image');
  const disks = [...(await makeCorpus())].filter(([name]) => (honestDeclaration[name] ?? '') in driverOf);
  for (const [name, bytes] of disks) t.true(await agrees(t, path, name, bytes, name));
  const random = randomFrom(seed);
  let tried = 0;
  for (let accepted = 0; accepted < cases; tried += 1) {
    const [name, image] = disks[random(disks.length)]!;
    const bytes = mutate(image, random, 3);
    if (!bytes.equals(image) && (await agrees(t, path, name, bytes, `case ${tried} of seed ${seed}: ${name}`)))
      accepted += 1;
  }
  t.log(`${tried - cases} more were refused or unchanged`);
});
