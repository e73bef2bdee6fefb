import test from 'ava';
import { honestDeclaration, makeCorpus } from './corpus.ts';
import { crc32c } from './crc32c.ts';
import { createInspector } from './inspector.ts';

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const cases = Number(process.env.FUZZ_CASES ?? 3000);
/** A case reads at most this much of an image: every header of the corpus lies within, and it keeps the test short. */
const imageBytes = 4 * 2 ** 20;

const corpus = [...(await makeCorpus())];

/** A small generator of numbers (mulberry32), so that a seed repeats a run. */
function randomFrom(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Bytes that break parsers more often than chance does. */
const interesting = [0, 1, 0x7f, 0x80, 0xff];

function mutate(image: Buffer, random: (below: number) => number): Buffer {
  const bytes = Buffer.from(image.subarray(0, random(4) === 0 ? random(image.length) : image.length));
  const areas = [512, 4096, 70_000, bytes.length];
  for (let count = random(8); count > 0 && bytes.length > 8; count--) {
    const at = random(Math.min(areas[random(areas.length)]!, bytes.length - 8));
    const length = 1 + random(8);
    if (random(2) === 0) bytes.fill(interesting[random(interesting.length)]!, at, at + length);
    else bytes.write(String.fromCharCode(random(256)).repeat(length), at, 'latin1');
  }
  // Half of the time make the checksums of VHDX right again, or nothing behind them would ever be reached.
  if (random(2) === 0 && bytes.toString('latin1', 0, 8) === 'vhdxfile') {
    for (const [at, length] of [
      [65536, 4096],
      [131072, 4096],
      [196608, 65536],
      [262144, 65536],
    ] as const) {
      if (bytes.length >= at + length) bytes.writeUInt32LE(crc32c(bytes.subarray(at, at + length), 4), at + 4);
    }
  }
  return bytes;
}

test('no data makes the inspector throw, hoard or linger', (t) => {
  t.log(`seed ${seed}, ${cases} cases (set FUZZ_SEED and FUZZ_CASES to repeat or to go on)`);
  const random = randomFrom(seed);
  let slowest = 0;
  for (let index = 0; index < cases; index++) {
    const [name, image] = corpus[random(corpus.length)]!;
    const bytes = mutate(image.subarray(0, imageBytes), random);
    const declared = honestDeclaration[name] ?? 'raw';
    const inspector = createInspector(
      declared === 'docker'
        ? { diskFormat: 'raw', containerFormat: 'docker' }
        : { diskFormat: declared, containerFormat: 'bare' },
    );
    const begun = process.cpuUsage();
    for (let at = 0; at < bytes.length; ) {
      const chunk = bytes.subarray(at, at + 1 + random(200_000));
      inspector.write(chunk);
      inspector.refusal();
      at += chunk.length;
      if (inspector.bufferedBytes() > 2 ** 20)
        t.fail(`case ${index} of seed ${seed} holds ${inspector.bufferedBytes()}`);
    }
    const verdict = inspector.finish();
    slowest = Math.max(slowest, process.cpuUsage(begun).user / 1000);
    const size = verdict.virtualSizeBytes;
    if (size !== null && !Number.isSafeInteger(size)) t.fail(`case ${index} of seed ${seed} has the size ${size}`);
  }
  t.log(`slowest case: ${slowest.toFixed(1)} ms of processor time`);
  t.pass();
});

test('random bytes behind every signature are refused or bounded', (t) => {
  const random = randomFrom(seed + 1);
  for (const [name, image] of corpus) {
    for (let index = 0; index < 40; index++) {
      const bytes = Buffer.from(Array.from({ length: 8192 }, () => random(256)));
      image.copy(bytes, 0, 0, 8 + random(64));
      const inspector = createInspector({ diskFormat: 'raw', containerFormat: index % 2 === 0 ? 'docker' : 'bare' });
      inspector.write(bytes);
      t.notThrows(() => inspector.finish(), `${name}, case ${index} of seed ${seed}`);
    }
  }
});
