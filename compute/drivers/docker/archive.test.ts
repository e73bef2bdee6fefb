import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { extract, type Header, pack } from 'tar-stream';
import { buildBusyboxImage } from '../../container-image/build.ts';
import { cleanArchive, readArchive } from './archive.ts';
import { checkLayer } from './archive-layer.ts';
import { BadArchive } from './archive-manifest.ts';

type Entry = [header: Partial<Header> & Pick<Header, 'name'>, content?: string | Buffer];

async function tar(entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  const written = buffer(archive);
  for (const [header, content] of entries) archive.entry({ ...header }, content as string);
  archive.finalize();
  return written;
}

async function untar(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = extract();
  reader.end(archive);
  for await (const entry of reader) files.set(entry.header.name, await buffer(entry));
  return files;
}

async function written(t: ExecutionContext, content: Buffer): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-archive-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const path = join(directory, 'image.tar');
  await writeFile(path, content);
  return path;
}

const digest = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const layer = await tar([[{ name: 'file' }, 'content']]);
const config = (layers: number, diffId = `sha256:${digest(layer)}`) =>
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: Array(layers).fill(diffId) },
  });
const manifest = (changes: object = {}) =>
  JSON.stringify([{ Config: 'c.json', RepoTags: ['cirrostack/victim:latest'], Layers: ['a/layer.tar'], ...changes }]);
const whole: Entry[] = [
  [{ name: 'c.json' }, config(1)],
  [{ name: 'a/layer.tar' }, layer],
  [{ name: 'manifest.json' }, manifest()],
];

test('an archive is written anew: our tag and names, the layers and the configuration as they were, nothing else', async (t) => {
  const path = await written(
    t,
    await tar([
      [{ name: 'repositories' }, JSON.stringify({ 'cirrostack/victim': { latest: 'a' } })],
      [{ name: '../../etc/cron.d/x' }, 'evil'],
      [{ name: '/etc/passwd' }, 'evil'],
      [{ name: 'evil', type: 'symlink', linkname: '/etc' }],
      [{ name: 'dev', type: 'block-device', devmajor: 8, devminor: 0 }],
      ...whole,
    ]),
  );
  const image = await readArchive(path);
  t.is(image.engineId, `sha256:${digest(config(1))}`);
  const files = await untar(await buffer(cleanArchive(image, 'cirrostack/ours:latest')));
  t.deepEqual([...files.keys()].sort(), ['0.tar', 'config.json', 'manifest.json']);
  t.deepEqual(files.get('0.tar'), layer);
  t.is(files.get('config.json')!.toString(), config(1));
  t.deepEqual(JSON.parse(files.get('manifest.json')!.toString()), [
    { Config: 'config.json', RepoTags: ['cirrostack/ours:latest'], Layers: ['0.tar'] },
  ]);
});

test('a layer that older engines saved as a link is found, and a link out of the archive is not', async (t) => {
  const linked = (linkname: string, type: 'symlink' | 'link' = 'symlink'): Entry[] => [
    [{ name: 'c.json' }, config(2)],
    [{ name: 'a/layer.tar' }, layer],
    [{ name: 'b/layer.tar', type, linkname }],
    [{ name: 'manifest.json' }, manifest({ Layers: ['a/layer.tar', 'b/layer.tar'] })],
  ];
  const image = await readArchive(await written(t, await tar(linked('../a/layer.tar'))));
  const files = await untar(await buffer(cleanArchive(image, 'x')));
  t.deepEqual(files.get('1.tar'), layer);
  t.is((await readArchive(await written(t, await tar(linked('a/layer.tar', 'link'))))).layers.length, 2);
  for (const away of ['/etc/passwd', '../../../etc/passwd', '../b/layer.tar', 'layer.tar', '../missing']) {
    const path = await written(t, await tar(linked(away)));
    await t.throwsAsync(readArchive(path), { instanceOf: BadArchive, message: /missing/ }, away);
  }
});

test('an OCI layout is read like a saved image, also with an index in its index and an attestation beside it', async (t) => {
  const made = (text: string | Buffer) => ({ digest: `sha256:${digest(text)}` });
  const image = JSON.stringify({ config: made(config(1)), layers: [made(layer)] });
  const index = JSON.stringify({
    manifests: [
      made(image),
      { ...made('attestation'), annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } },
    ],
  });
  const blobs = [config(1), layer, image, index].map((text): Entry => [{ name: `blobs/sha256/${digest(text)}` }, text]);
  for (const top of [image, index]) {
    const entries: Entry[] = [
      [{ name: 'oci-layout' }, '{"imageLayoutVersion":"1.0.0"}'],
      [{ name: 'index.json' }, JSON.stringify({ manifests: [made(top)] })],
      ...blobs,
    ];
    const read = await readArchive(await written(t, await tar(entries)));
    t.is(read.engineId, `sha256:${digest(config(1))}`);
    t.deepEqual((await untar(await buffer(cleanArchive(read, 'x')))).get('0.tar'), layer);
  }
});

const replaced = (name: string, content: string): Entry[] =>
  whole.map(([header, old]): Entry => [header, header.name === name ? content : old]);
const refused: [what: string, entries: Entry[]][] = [
  ['nothing', []],
  ['no manifest', whole.slice(0, 2)],
  ['a manifest that is not JSON', replaced('manifest.json', '{')],
  ['a manifest that is not a list', replaced('manifest.json', '{}')],
  ['a manifest of nothing', replaced('manifest.json', '[null]')],
  ['two images', replaced('manifest.json', `[${manifest().slice(1, -1)},${manifest().slice(1, -1)}]`)],
  ['a configuration outside', replaced('manifest.json', manifest({ Config: '/etc/passwd' }))],
  ['a configuration further outside', replaced('manifest.json', manifest({ Config: '../../../etc/passwd' }))],
  ['a layer outside', replaced('manifest.json', manifest({ Layers: ['/etc/passwd'] }))],
  ['a layer that is no name', replaced('manifest.json', manifest({ Layers: [1] }))],
  [
    'more layers than its configuration',
    replaced('manifest.json', manifest({ Layers: ['a/layer.tar', 'a/layer.tar'] })),
  ],
  ['a configuration that is not JSON', replaced('c.json', 'x')],
  ['a configuration that is null', replaced('c.json', 'null')],
  ['a configuration for Windows', replaced('c.json', config(1).replace('linux', 'windows'))],
  ['an empty layer', replaced('a/layer.tar', '')],
  ['a digest that is a path', [[{ name: 'index.json' }, '{"manifests":[{"digest":"sha256:../../etc/passwd"}]}']]],
  ['an index of itself', selfIndex()],
];
for (const [what, entries] of refused) {
  test(`an archive with ${what} is refused`, async (t) => {
    await t.throwsAsync(readArchive(await written(t, await tar(entries))), { instanceOf: BadArchive });
  });
}

/** No digest can name itself; an index that leads on and on is as good. */
function selfIndex(): Entry[] {
  const entries: Entry[] = [];
  let next = '{"manifests":[]}';
  for (let depth = 0; depth < 6; depth += 1) {
    entries.push([{ name: `blobs/sha256/${digest(next)}` }, next]);
    next = JSON.stringify({ manifests: [{ digest: `sha256:${digest(next)}` }] });
  }
  return [[{ name: 'index.json' }, next], ...entries];
}

const withLayer = (content: Buffer, diffId = `sha256:${digest(content)}`): Entry[] => [
  [{ name: 'c.json' }, config(1, diffId)],
  [{ name: 'a/layer.tar' }, content],
  [{ name: 'manifest.json' }, manifest()],
];

test('a layer may be compressed, and is then the one that it is when unpacked', async (t) => {
  for (const compressed of [gzipSync(layer), zstdCompressSync(layer)]) {
    const path = await written(t, await tar(withLayer(compressed, `sha256:${digest(layer)}`)));
    t.is((await readArchive(path)).layers.length, 1);
    const wrong = await written(t, await tar(withLayer(compressed)));
    await t.throwsAsync(readArchive(wrong), { instanceOf: BadArchive, message: /not that of its configuration/ });
  }
});

test('whoever only knows the digest of a layer does not get it', async (t) => {
  const other = await tar([[{ name: 'mine' }, 'x']]);
  const path = await written(t, await tar(withLayer(other, `sha256:${digest(layer)}`)));
  await t.throwsAsync(readArchive(path), { instanceOf: BadArchive, message: /not that of its configuration/ });
});

test('a layer that would grow on the disk, or that is none, is refused', async (t) => {
  const oldSparse = Buffer.from(layer);
  oldSparse.write('S', 156); // the kind of a GNU sparse file; then the checksum, as spaces count
  oldSparse.write('        ', 148);
  oldSparse.write(
    `${oldSparse
      .subarray(0, 512)
      .reduce((a, b) => a + b)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  const newSparse = await tar([
    [{ name: 'f', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '9000000000000' } }, 'x'],
  ]);
  const cases = {
    'an old sparse file': oldSparse,
    'a new sparse file': newSparse,
    noise: Buffer.alloc(4096, 'noise'),
    'half of one': layer.subarray(0, 515),
    'half of a compressed one': gzipSync(layer).subarray(0, 40),
    'one compressed with xz': Buffer.from('fd377a585a0000', 'hex'),
  };
  for (const [what, content] of Object.entries(cases)) {
    await t.throwsAsync(readArchive(await written(t, await tar(withLayer(content)))), { instanceOf: BadArchive }, what);
  }
});

test('a small layer that unpacks to too much is refused before it is unpacked to its end', async (t) => {
  const bomb = gzipSync(Buffer.alloc(1024 * 1024));
  const open = () => Readable.from([bomb]);
  await t.throwsAsync(checkLayer(open, '', { unpackedBytes: 100_000 }), {
    instanceOf: BadArchive,
    message: /too large/,
  });
});

test('what is cut off, compressed, or no archive at all is refused', async (t) => {
  const good = await tar(whole);
  const cases = {
    'cut off in a layer': good.subarray(0, 512 + 512 + 512 + 3),
    'cut off in a header': good.subarray(0, 700),
    compressed: gzipSync(good),
    noise: Buffer.alloc(4096, 'noise'),
    empty: Buffer.alloc(0),
    'a lie about a size': Buffer.concat([await tar(whole.slice(0, 1)), Buffer.alloc(512, 0xff)]),
  };
  for (const [what, content] of Object.entries(cases)) {
    await t.throwsAsync(readArchive(await written(t, content)), { instanceOf: BadArchive }, what);
  }
});

test('a manifest beyond all measure and a flood of files are refused before they fill the memory', async (t) => {
  const long = replaced('manifest.json', `${manifest()}${' '.repeat(5 * 1024 * 1024)}`);
  await t.throwsAsync(readArchive(await written(t, await tar(long))), { message: /too large/ });
  const many = Array.from({ length: 20_001 }, (_, n): Entry => [{ name: `${n}` }, '']);
  await t.throwsAsync(readArchive(await written(t, await tar([...many, ...whole]))), { message: /too many files/ });
});

test('an original that shrinks while it is read makes the new archive fail, and nothing else', async (t) => {
  const path = await written(t, await tar(whole));
  const image = await readArchive(path);
  await truncate(path, 600);
  await t.throwsAsync(buffer(cleanArchive(image, 'x')), { message: /0\.tar has/ });
  await rm(path);
  await t.throwsAsync(buffer(cleanArchive(image, 'x')), { code: 'ENOENT' });
});

test('the image that is built here is one, and the same each time', async (t) => {
  const path = await written(t, Buffer.alloc(0));
  await buildBusyboxImage(path);
  const [first] = [await readArchive(path)];
  await buildBusyboxImage(path);
  t.is((await readArchive(path)).engineId, first.engineId);
  t.is(first.layers.length, 1);
  await buildBusyboxImage(path, { command: [randomUUID()] });
  t.not((await readArchive(path)).engineId, first.engineId);
});
