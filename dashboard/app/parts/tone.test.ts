import test from 'ava';
import { ApiFailure } from '../api/failure.ts';
import { refreshAfterMs, toneOf } from './tone.ts';

test('every status that clients wait for has its tone', (t) => {
  const expected = {
    good: ['ACTIVE', 'Running', 'active'],
    moving: ['BUILD', 'REBOOT', 'HARD_REBOOT', 'Creating', 'Deleting', 'Restarting', 'saving'],
    off: ['SHUTOFF', 'PAUSED', 'Stopped', 'Created', 'DOWN', 'queued', 'something new'],
    bad: ['ERROR', 'Error', 'Dead', 'Unknown', 'killed'],
  } as const;
  for (const [tone, words] of Object.entries(expected))
    for (const word of words) t.is(toneOf(word) as string, tone, word);
});

test('what is under way is looked at more often, what is gone not at all', (t) => {
  t.true(Number(refreshAfterMs(true)) < Number(refreshAfterMs(false)));
  t.is(refreshAfterMs(true, new ApiFailure('It does not answer.', 503, null)), refreshAfterMs(false));
  t.is(refreshAfterMs(true, new ApiFailure('It is gone.', 404, null)), false);
});
