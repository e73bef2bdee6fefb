import test from 'ava';
import { honestDeclaration, makeCorpus } from './corpus.ts';
import { createInspector } from './inspector.ts';
import { mutate, type Random, randomFrom } from './mutations.ts';

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const cases = Number(process.env.FUZZ_CASES ?? 3000);
/** A case reads at most this much of an image: every header of the corpus lies within, and it keeps the test short. */
const imageBytes = 4 * 2 ** 20;

const corpus = [...(await makeCorpus())];

/** Every fourth is cut off as well. */
const changed = (image: Buffer, random: Random) =>
  mutate(image.subarray(0, random(4) === 0 ? random(image.length) : image.length), random);

test('no data makes the inspector throw, hoard or linger', (t) => {
  t.log(`seed ${seed}, ${cases} cases (set FUZZ_SEED and FUZZ_CASES to repeat or to go on)`);
  const random = randomFrom(seed);
  let slowest = 0;
  for (let index = 0; index < cases; index++) {
    const [name, image] = corpus[random(corpus.length)]!;
    const bytes = changed(image.subarray(0, imageBytes), random);
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
