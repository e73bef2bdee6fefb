/** Run by itself, `bin/test tests/conformance/scenario.e2e.test.ts`: it takes as long as many small tests together. */
import test from 'ava';
import { startRealCloud } from '../end-to-end/real-cloud.ts';
import { printed, recordReport, reportOf } from './report.ts';
import { makeScenarioGround } from './scenario-ground.ts';
import { suites, withConf } from './suites.ts';
import { installTempest, runTempest } from './tempest.ts';

test('tempest’s scenarios pass on real engines, from within real guests', async (t) => {
  t.timeout(60 * 60_000);
  const suite = suites.scenario!;
  const regex = process.env.CIRROSTACK_TEST_REGEX; // only those whose name has it
  await installTempest();
  const cloud = await startRealCloud(t);
  const chosen = { ...withConf(suite, await makeScenarioGround(cloud)), ...(regex && { regex }) };
  const report = reportOf(await runTempest(cloud.url, chosen), chosen);
  t.log(printed(report));
  t.is(report.failed.length, 0);
  t.true(report.counts.passed > 0, 'it ran something');
  if (!regex && process.env.CIRROSTACK_TEST_UPDATE) await recordReport('scenario', report, true);
});
