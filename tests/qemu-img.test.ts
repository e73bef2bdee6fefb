/** The format of a disk is recorded and said, never found out: what is in it may be written by whoever wants it mistaken (CVE-2026-24708). */
import { glob, readFile } from 'node:fs/promises';
import test from 'ava';

const root = new URL('..', import.meta.url);

/** What a constant list of the file holds, as it is written. */
const listOf = (text: string, name: string) => text.match(new RegExp(`const ${name} = ([^;]*);`))?.[1] ?? '';

test('whoever runs qemu-img says the format of what it opens, and nothing else opens disks', async (t) => {
  let calls = 0;
  for await (const path of glob('{bin,common,compute,host,image,network,storage}/**/*.ts', { cwd: root })) {
    if (/\.test\.ts$|testing/.test(path)) continue;
    const text = await readFile(new URL(path, root), 'utf8');
    t.notRegex(text, /'(qemu-nbd|qemu-io|guestfish|virt-\w+|kpartx|losetup)'/, path);
    for (const { index } of text.matchAll(/'qemu-img',?\s+(?=\[|')/g)) {
      const written = text.slice(index, text.indexOf(']', index));
      const named = [...written.matchAll(/\.\.\.(\w+)/g)].map(([, name]) => listOf(text, name!));
      const call = [written, ...named].join(' ');
      t.regex(call, /'-f',|json:\$\{JSON\.stringify\(source\)\}/, `${path}: ${call}`);
      if (call.includes("'-b'")) t.regex(call, /'-F'/, `${path}: ${call}`);
      calls += 1;
    }
  }
  t.true(calls >= 4, 'it found them');
});
