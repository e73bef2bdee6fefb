import test from 'ava';
import { startClientCloud } from './cloud.ts';
import { printed, recordReport, reportOf } from './report.ts';
import { suites } from './suites.ts';
import { installTempest, runTempest } from './tempest.ts';

test('tempest’s identity tests pass, and docs/compatibility.md has their counts', async (t) => {
  t.timeout(16 * 60_000); // a minute with two processors to itself
  const suite = suites.identity!;
  await installTempest();
  const cloud = await startClientCloud(t, suite.settings);
  const report = reportOf(await runTempest(cloud.url, suite), suite);
  t.is(report.failed.length, 0, printed(report));
  t.true(report.counts.passed > 0, 'it ran something');
  t.deepEqual(cloud.errors(), []);
  const isUpdate = Boolean(process.env.CIRROSTACK_TEST_UPDATE);
  const said = await recordReport('identity', report, isUpdate);
  t.true(isUpdate || said, 'CIRROSTACK_TEST_UPDATE=1 writes the counts anew');
});
