import test from 'ava';
import { diskBytes, honestDeclaration, makeCorpus, makeIso, withPartitions } from './corpus.ts';
import { createInspector, type DeclaredFormat, diskFormats } from './inspector.ts';
import type { Limits } from './reader.ts';

const corpus = await makeCorpus();

function inspect(
  bytes: Buffer,
  declared: DeclaredFormat['diskFormat'] | 'docker',
  chunkBytes = 65536,
  limits?: Limits,
) {
  const inspector = createInspector(
    declared === 'docker'
      ? { diskFormat: 'raw', containerFormat: 'docker' }
      : { diskFormat: declared, containerFormat: 'bare' },
    limits,
  );
  for (let at = 0; at < bytes.length; at += chunkBytes) inspector.write(bytes.subarray(at, at + chunkBytes));
  return inspector.finish();
}

const declarations = [...diskFormats, 'docker'] as const;
const bareBytes = ['raw', 'ami', 'ari', 'aki'];

test('data is accepted exactly when it is what it was declared to be', (t) => {
  for (const [name, bytes] of corpus) {
    for (const declared of declarations) {
      const { refusal } = inspect(bytes, declared);
      const honest = honestDeclaration[name];
      const isHonest = honest === declared || (honest === 'raw' && bareBytes.includes(declared));
      t.is(refusal === null, isHonest, `${name} declared as ${declared}: ${refusal}`);
    }
  }
});

test('the virtual size is the one that the guest will see', (t) => {
  for (const [name, declared] of Object.entries(honestDeclaration)) {
    const bytes = corpus.get(name)!;
    const rounded = name === 'vhd by geometry' ? 4_212_736 : diskBytes; // as qemu-img says of it
    const expected = declared === 'docker' ? null : declared === 'iso' ? bytes.length : rounded;
    t.is(inspect(bytes, declared).virtualSizeBytes, expected, name);
  }
});

test('how an upload is cut into pieces changes nothing', (t) => {
  for (const [name, bytes] of corpus) {
    const declared = honestDeclaration[name] ?? 'raw';
    const whole = inspect(bytes, declared, bytes.length);
    for (const chunkBytes of [511, 4096, 1_000_003]) t.deepEqual(inspect(bytes, declared, chunkBytes), whole, name);
    const beginning = bytes.subarray(0, 40_000);
    t.deepEqual(
      inspect(beginning, declared, 1),
      inspect(beginning, declared),
      `the beginning of ${name}, byte by byte`,
    );
  }
});

test('a container format whose end is missing is refused', (t) => {
  for (const [name, declared] of Object.entries(honestDeclaration)) {
    if (declared === 'raw') continue;
    const bytes = corpus.get(name)!;
    for (const keep of [1, 60, 511, 600, Math.floor(bytes.length / 8)]) {
      t.not(inspect(bytes.subarray(0, keep), declared).refusal, null, `${keep} bytes of ${name}`);
    }
  }
});

test('data that is two formats at once is refused under either name', (t) => {
  const iso = makeIso(4096);
  for (const [name, bytes] of corpus) {
    const declared = honestDeclaration[name];
    if (declared === undefined || bareBytes.includes(declared) || declared === 'iso' || bytes.length > iso.length)
      continue;
    const both = Buffer.from(iso);
    bytes.copy(both, 0, 0, Math.min(bytes.length, 32768)); // the system area of a disc is anybody's
    if (name === 'vhd fixed') bytes.copy(both, both.length - 512, bytes.length - 512);
    for (const claim of [declared, 'iso', 'raw'] as const) {
      t.not(inspect(both, claim).refusal, null, `${name} and iso, declared as ${claim}`);
    }
  }
  const partitioned = withPartitions(corpus.get('qcow2 v3')!, 0x83);
  t.regex(inspect(partitioned, 'qcow2').refusal ?? '', /qcow2 and a raw disk with an MBR at once/);
  t.is(inspect(withPartitions(iso, 0xee), 'iso').refusal, null, 'a disc that also boots from a stick');
});

test('a virtual size beyond the limit is refused in every format', (t) => {
  for (const [name, declared] of Object.entries(honestDeclaration)) {
    if (declared === 'docker') continue;
    const limits = { virtualSizeBytes: Math.min(diskBytes, corpus.get(name)!.length) - 1 };
    t.regex(inspect(corpus.get(name)!, declared, 65536, limits).refusal ?? '', /limit/, name);
  }
});

test('no data at all is an empty raw disk and nothing else', (t) => {
  for (const declared of declarations) {
    t.is(inspect(Buffer.alloc(0), declared).refusal === null, bareBytes.includes(declared), declared);
  }
});

test('a refusal is known before the upload has ended', (t) => {
  const image = Buffer.from(corpus.get('qcow2 v3')!);
  image.writeBigUInt64BE(200n, 8);
  const inspector = createInspector({ diskFormat: 'qcow2', containerFormat: 'bare' });
  t.is(inspector.refusal(), null);
  inspector.write(image.subarray(0, 65536));
  t.regex(inspector.refusal() ?? '', /backing file/);

  const endless = createInspector({ diskFormat: 'qcow2', containerFormat: 'bare' });
  for (let count = 0; count < 256; count++) endless.write(Buffer.alloc(65536));
  t.regex(endless.refusal() ?? '', /declared as qcow2 and is not/);
});

test('what was written is not kept', (t) => {
  for (const [name, bytes] of corpus) {
    for (const declared of declarations) {
      const inspector = createInspector(
        declared === 'docker'
          ? { diskFormat: 'raw', containerFormat: 'docker' }
          : { diskFormat: declared, containerFormat: 'bare' },
      );
      let most = 0;
      for (let at = 0; at < bytes.length; at += 1000) {
        inspector.write(bytes.subarray(at, at + 1000));
        most = Math.max(most, inspector.bufferedBytes());
      }
      t.true(most < 2 ** 20, `${most} bytes of ${name}`);
    }
  }
});
