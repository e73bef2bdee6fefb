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

test('an archive is written anew: our tag and names, the layers as they were, a configuration of ours, nothing else', async (t) => {
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

const digestOfOther = `sha256:${digest('a layer of another project')}`;

/** As the engine's decoder reads an object: a key in any case is that key, and the last of them wins. */
const folded = (json: string) =>
  JSON.parse(json, (_key, value) =>
    value === null || typeof value !== 'object' || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).map(([key, one]) => [foldedKey(key), one])),
  );
const foldedKey = (key: string) => key.toLowerCase().replaceAll('\u017f', 's').replaceAll('\u212a', 'k');

test('a key that is spelled otherwise names no layer of another project', async (t) => {
  const theirs = `{"type":"layers","diff_ids":["${digestOfOther}"]}`;
  const mine = config(1).slice(0, -1);
  const inside = `"diff_ids":["sha256:${digest(layer)}"]`;
  const hostile = [
    `${mine},"RootFS":${theirs}}`,
    `${mine},"ROOTFS":${theirs}}`,
    `${mine},"rootf\u017f":${theirs}}`,
    `${mine},"rootf\\u017f":${theirs}}`,
    config(1).replace(inside, `${inside},"Diff_IDs":["${digestOfOther}"]`),
    config(1).replace(inside, `${inside},"diff_id\u017f":["${digestOfOther}"]`),
    `{"__proto__":{"rootfs":${theirs}},${mine.slice(1)}}`,
  ];
  for (const json of hostile) {
    t.true(json.includes(digestOfOther), json);
    const path = await written(t, await tar(replaced('c.json', json)));
    const image = await readArchive(path);
    const got = (await untar(await buffer(cleanArchive(image, 'x')))).get('config.json')!;
    t.deepEqual(folded(got.toString()).rootfs, { type: 'layers', diff_ids: [`sha256:${digest(layer)}`] }, json);
    t.false(got.includes(digestOfOther), json);
    t.is(image.engineId, `sha256:${digest(got)}`);
    t.is(image.engineId, `sha256:${digest(config(1))}`, 'nothing of it is left');
  }
  // Last of the same key wins here too: these are compared with the layer, and are not its digests.
  const twice = await written(t, await tar(replaced('c.json', `${mine},"rootfs":${theirs}}`)));
  await t.throwsAsync(readArchive(twice), { instanceOf: BadArchive, message: /not that of its configuration/ });
});

test('of a configuration the engine gets what a container uses, and nothing else', async (t) => {
  const rootfs = { type: 'layers', diff_ids: [`sha256:${digest(layer)}`] };
  const used = {
    User: 'nobody',
    Env: ['PATH=/bin', 'A=ä'],
    Cmd: ['serve'],
    Entrypoint: ['/entry'],
    WorkingDir: '/srv',
    Labels: { Volumes: 'a label', ['__proto__']: 'another' },
    StopSignal: 'SIGQUIT',
  };
  const step = { created_by: 'ADD', author: 'me', comment: 'no', empty_layer: true };
  const kept = { architecture: 'amd64', os: 'linux', variant: 'v1', 'os.version': '1', author: 'me' };
  const original = {
    ...kept,
    created: '2024-02-03T04:05:06.123456789+01:00',
    config: {
      ...used,
      Cmd: 'serve',
      Volumes: { '/data': {} },
      volumes: { '/data': {} },
      user: 'root',
      Healthcheck: { Test: ['CMD', 'true'] },
      ExposedPorts: { '80/tcp': {} },
      OnBuild: ['RUN x'],
      Shell: ['sh'],
      Domainname: 'x',
      Image: digestOfOther,
    },
    rootfs: { ...rootfs, base_layer: digestOfOther },
    history: [{ created: '1970-01-01T00:00:00Z' }, { ...step, Empty_Layer: false }],
    container_config: { Volumes: { '/data': {} } },
    parent: digestOfOther,
    id: 'x',
    Architecture: 's390x',
    OS: 'windows',
  };
  const { config: got, architecture } = await readArchive(
    await written(t, await tar(replaced('c.json', JSON.stringify(original)))),
  );
  t.is(architecture, 'amd64');
  t.deepEqual(JSON.parse(got.toString()), {
    ...kept,
    created: '2024-02-03T03:05:06.123Z',
    config: used,
    rootfs,
    history: [{ created: '1970-01-01T00:00:00.000Z' }, step],
  });
  const nulls = { architecture: null, os: null, created: null, author: null, config: null, history: null, rootfs };
  const least = await readArchive(await written(t, await tar(replaced('c.json', JSON.stringify(nulls)))));
  t.deepEqual(JSON.parse(least.config.toString()), { os: 'linux', rootfs });
  const noDefaults = { ...nulls, config: { Cmd: null, Entrypoint: null, Env: null, Labels: null, Volumes: null } };
  const bare = await readArchive(await written(t, await tar(replaced('c.json', JSON.stringify(noDefaults)))));
  t.deepEqual(JSON.parse(bare.config.toString()), { os: 'linux', config: {}, rootfs });
});

test('a configuration with a value of another kind is refused', async (t) => {
  const wrong: object[] = [
    { architecture: 1 },
    { os: 1 },
    { variant: {} },
    { 'os.version': [] },
    { author: true },
    { created: 0 },
    { created: 'yesterday' },
    { created: '2024-13-01T00:00:00Z' },
    { created: '9999-12-31T23:59:59-01:00' },
    { rootfs: [] },
    { rootfs: { diff_ids: {} } },
    { rootfs: { diff_ids: [null] } },
    { rootfs: { diff_ids: [[`sha256:${digest(layer)}`]] } },
    { history: {} },
    { history: [null] },
    { history: [{ created_by: 1 }] },
    { history: [{ empty_layer: 'true' }] },
    { history: [{}, {}] },
    { config: [] },
    { config: 'x' },
    { config: { User: 0 } },
    { config: { Env: 'A=1' } },
    { config: { Env: [1] } },
    { config: { Cmd: {} } },
    { config: { Cmd: [['sh']] } },
    { config: { Entrypoint: [null] } },
    { config: { WorkingDir: ['/'] } },
    { config: { WorkingDir: '/\0' } },
    { config: { Labels: ['a'] } },
    { config: { Labels: { a: 1 } } },
    { config: { StopSignal: 9 } },
  ];
  for (const changes of wrong) {
    const json = JSON.stringify({ ...JSON.parse(config(1)), ...changes });
    const path = await written(t, await tar(replaced('c.json', json)));
    await t.throwsAsync(readArchive(path), { instanceOf: BadArchive }, json);
  }
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
