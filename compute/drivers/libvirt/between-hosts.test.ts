import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { migrate } from './between-hosts.ts';
import type { Domains } from './domains.ts';
import { GuestDirectory } from './guest-directory.ts';

test('no guest reaches the daemon of the other host by the way of one that goes there', async (t) => {
  const files = await mkdtemp(join(tmpdir(), 'cirrostack-way-'));
  t.teardown(() => rm(files, { recursive: true }));
  const id = '00000000-0000-4000-8000-000000000000';
  const directory = new GuestDirectory(files, id);
  await mkdir(directory.path);
  const qemu = { uid: 4242, gid: 4243 };
  const seen: Record<string, string> = {};
  const on = async () => {
    for (const name of ['libvirt', 'qemu', 'nbd']) {
      const { uid, gid, mode } = await stat(join(directory.passagePath, name));
      seen[name] = `${uid}:${gid} ${(mode & 0o777).toString(8)}`;
    }
  };
  const passage = {
    connect: () => Promise.reject(new Error('nobody is there')),
    signal: new AbortController().signal,
    onProgress: () => {},
  };
  await t.throwsAsync(migrate({ domains: { on } as unknown as Domains, directory, qemu }, id, passage));
  t.deepEqual(seen, { libvirt: '0:0 600', qemu: '4242:4243 600', nbd: '4242:4243 600' });
});
