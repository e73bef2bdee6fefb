import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { detectVirtualisation, runProbe } from './virtualisation.ts';

const emulator = '/usr/bin/qemu-system-x86_64';

async function cacheFile(t: ExecutionContext<unknown>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-virtualisation-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'below', 'virtualisation.json');
}

test('the throwaway guest gets to its end where guests work at all', async (t) => {
  const { exitCode, killed, stderr } = await runProbe(emulator, 'libvirt-qemu', 'tcg', 30_000);
  t.deepEqual({ exitCode, killed }, { exitCode: 0x21, killed: false }, stderr);
});

test('the answer has a reason, and is kept for this boot', async (t) => {
  const file = await cacheFile(t);
  const found = await detectVirtualisation({ cacheFile: file });
  t.regex(found.reason, /./);
  const kept = JSON.parse(await readFile(file, 'utf8'));
  // Had it not been read from the file, the changed reason would not come back.
  await writeFile(file, JSON.stringify({ ...kept, reason: 'kept' }));
  t.is((await detectVirtualisation({ cacheFile: file })).reason, 'kept');
});

test('an answer of another boot, or half an answer, is found out anew', async (t) => {
  const file = await cacheFile(t);
  const found = await detectVirtualisation({ cacheFile: file });
  const kept = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...kept, circumstances: 'another boot', reason: 'old' }));
  t.deepEqual(await detectVirtualisation({ cacheFile: file }), found);
  await writeFile(file, '{"circum');
  t.deepEqual(await detectVirtualisation({ cacheFile: file }), found);
});

test('a host whose emulator is missing has no KVM, and says why', async (t) => {
  t.like(await detectVirtualisation({ emulator: '/nonexistent' }), { virtualisation: 'tcg' });
});
