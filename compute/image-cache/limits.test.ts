import test from 'ava';
import { type KeptImage, surplusOf } from './limits.ts';

const day = { maximumBytes: 100, unusedSeconds: 86_400 };

function image(imageId: string, changes: Partial<KeptImage> = {}): KeptImage {
  return { imageId, bytes: 40, isUsed: false, isOrphan: false, idleSeconds: 60, ...changes };
}

test('an image stays for a while after its last guest, unless nobody can ask for it any more', (t) => {
  t.deepEqual(surplusOf([image('young'), image('old', { idleSeconds: 86_400 })], day), ['old']);
  t.deepEqual(surplusOf([image('deleted', { isOrphan: true }), image('other')], day), ['deleted']);
  t.deepEqual(surplusOf([image('any', { idleSeconds: 0 })], { maximumBytes: 0, unusedSeconds: 0 }), ['any']);
});

test('above the limit those longest unused go, as many as it takes', (t) => {
  const kept = [image('b', { idleSeconds: 20 }), image('c', { idleSeconds: 30 }), image('a', { idleSeconds: 10 })];
  t.deepEqual(surplusOf(kept, day), ['c']);
  t.deepEqual(surplusOf(kept, { ...day, maximumBytes: 70 }), ['c', 'b']);
  t.deepEqual(surplusOf(kept, { ...day, maximumBytes: 0 }), []);
  t.deepEqual(surplusOf([...kept, image('gone', { isOrphan: true })], day), ['gone', 'c']);
});

test('room is made by those longest unused, and not by those whose file the store has as well', (t) => {
  const kept = [image('linked', { bytes: 0, idleSeconds: 90 }), image('a', { idleSeconds: 10 }), image('b')];
  t.deepEqual(surplusOf(kept, day, 1), ['b']);
  t.deepEqual(surplusOf(kept, day, 41), ['b', 'a']);
  t.deepEqual(surplusOf(kept, day, 1000), ['b', 'a']);
});

test('whatever is here and whatever is lacking: what is used stays, and no more goes than has to', (t) => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 500; round++) {
    const kept = Array.from({ length: random(8) }, (_, n) =>
      image(String(n), {
        bytes: random(3) * 20,
        isUsed: random(2) === 0,
        isOrphan: random(4) === 0,
        idleSeconds: random(120_000),
      }),
    );
    const limits = { maximumBytes: random(4) * 40, unusedSeconds: 86_400 };
    const lacking = random(3) * 30;
    const gone = new Set(surplusOf(kept, limits, lacking));
    const bytes = (images: KeptImage[]) => images.reduce((sum, one) => sum + one.bytes, 0);
    const [left, left2] = [kept.filter((one) => !gone.has(one.imageId)), kept.filter((one) => gone.has(one.imageId))];
    t.false(left2.some((one) => one.isUsed));
    const isEnough = (stay: KeptImage[], go: KeptImage[]) =>
      (limits.maximumBytes === 0 || bytes(stay) <= limits.maximumBytes) && bytes(go) >= lacking;
    if (!isEnough(left, left2)) t.true(left.every((one) => one.isUsed || one.bytes === 0));
    for (const one of left2)
      if (!one.isOrphan && one.idleSeconds < limits.unusedSeconds && left2.at(-1) === one) t.true(one.bytes > 0);
  }
});
