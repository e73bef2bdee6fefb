import test from 'ava';
import { reportOf } from './report.ts';
import { readSubunit } from './subunit.ts';

const text = [
  'time: 2026-01-01 00:00:00.000000Z',
  'test: api.First.test_one[id-1,smoke]',
  'successful: api.First.test_one[id-1,smoke] [ multipart',
  'Content-Type: text/plain;charset=utf8',
  "pythonlogging:''",
  '10\r',
  'failure: not one',
  '0\r',
  ']',
  'skip: setUpClass (api.Second) [ multipart',
  'Content-Type: text/plain;charset=utf8',
  'reason',
  '1E\r',
  'Identity api v2 is not enabled0\r',
  ']',
  'test: api.Third.test_two[id-2]',
  'failure: api.Third.test_two[id-2] [ multipart',
  'Content-Type: text/x-traceback;charset="utf8";language="python"',
  'traceback',
  'FF\r',
  'Traceback (most recent call last):',
  '  File "/usr/lib/python3/dist-packages/tempest/api/identity/v3/test_x.py", line 12, in test_two',
  '    self.client.show()',
  '  File "/usr/lib/python3/dist-packages/tempest/lib/rest.py", line 3, in show',
  '    raise it',
  'tempest.lib.exceptions.NotFound: Object not found',
  "Details: {'code': 404}",
  '0\r',
  ']',
  'test: api.Third.test_three',
  '',
].join('\n');

test('each test is passed, skipped or failed with its reason, and one that never ended failed', (t) => {
  t.deepEqual(readSubunit(text), [
    { name: 'api.First.test_one', outcome: 'passed', reason: '' },
    { name: 'api.Third.test_three', outcome: 'failed', reason: 'It began and never ended.' },
    {
      name: 'api.Third.test_two',
      outcome: 'failed',
      reason:
        "test_x.py:12 test_two: self.client.show()\ntempest.lib.exceptions.NotFound: Object not found\nDetails: {'code': 404}",
    },
    { name: 'setUpClass (api.Second)', outcome: 'skipped', reason: 'Identity api v2 is not enabled' },
  ]);
});

test('only a failure of which nobody has said that it may be counts against us', (t) => {
  const suite = { regex: '', settings: {}, conf: {}, mayFail: { 'Third\\.test_two': 'it is absent' } };
  const report = reportOf(readSubunit(text), suite);
  t.deepEqual(report.counts, { passed: 1, failed: 2, skipped: 1 });
  t.deepEqual(
    report.failed.map(({ name }) => name),
    ['api.Third.test_three'],
  );
  t.deepEqual(report.mayFail, [{ name: 'api.Third.test_two', why: 'it is absent' }]);
  t.deepEqual([...report.skipped], [['Identity api v2 is not enabled', 1]]);
});
