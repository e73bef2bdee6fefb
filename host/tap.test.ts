import test from 'ava';
import { inWords, none, readTapLine, sum } from './tap.ts';

const report = `TAP version 13
ok 1 - a › two # SKIP
not ok 2 - a › three # TODO
not ok 3 - a › one
  ---
    name: AssertionError
  ...
ok 4 - a › five # 5 of 6
#   logged

1..5
# tests 4
# pass 2
# fail 1`;

test('every result counts once, a planned test as skipped, and the frame is not shown', (t) => {
  const lines = report.split('\n').map(readTapLine);
  t.is(inWords(lines.map(({ counts }) => counts).reduce(sum, none)), '1 passed, 1 failed, 2 skipped');
  t.deepEqual(
    lines.map(({ shown }) => shown?.trim()).filter((line) => line !== undefined),
    [
      '-  a › two (SKIP)',
      '-  a › three (TODO)',
      '✘  a › one',
      'name: AssertionError',
      '✔  a › five # 5 of 6',
      '#   logged',
    ],
  );
});
