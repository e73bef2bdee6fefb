/** `node_modules/.bin/node tests/conformance/run.ts identity`: OpenStack's own tests of its APIs against a cloud of ours. */
import { UsageError } from '../../host/options.ts';
import { startSteps } from '../../host/steps.ts';
import { startClientCloud } from './cloud.ts';
import { printed, recordReport, reportOf } from './report.ts';
import { prepareSuite, suites, type Test, withConf } from './suites.ts';
import { installTempest, runTempest } from './tempest.ts';

const help = `Usage: node_modules/.bin/node tests/conformance/run.ts SUITE [REGEX]

Runs Debian's tempest against a cloud of its own on simulated hosts, which needs no engine, and root only to install tempest
where it is not. Prints each test that fails with its reason, and how many passed, failed and were skipped. Ends with 1 when
one failed that should pass. CIRROSTACK_TEST_UPDATE=1 writes the counts into docs/compatibility.md.

  SUITE  ${Object.keys(suites).join(', ')}
  REGEX  only those of the suite whose name has it
`;

async function main([name, regex]: string[]): Promise<number> {
  const suite = suites[name ?? ''];
  if (name === undefined || suite === undefined) throw new UsageError('There is no such suite. See --help.');
  const chosen = regex === undefined ? suite : { ...suite, regex };
  const steps = startSteps();
  const ends: (() => unknown)[] = [];
  try {
    await steps.step('tempest', installTempest);
    const t: Test = { teardown: (end) => void ends.push(end) };
    const ready = await prepareSuite(t, chosen);
    const cloud = await steps.step('A cloud', () => startClientCloud(t, ready.settings, ready.hosts));
    const made = (await ready.complete?.(cloud)) ?? {};
    const results = await steps.step('Its tests', () => runTempest(cloud.url, withConf(ready, made)));
    const report = reportOf(results, ready);
    process.stdout.write(printed(report));
    const errors = cloud.errors();
    for (const line of errors) process.stdout.write(`The cloud logged an error: ${line}`);
    if (regex === undefined) await recordReport(name, report, Boolean(process.env.CIRROSTACK_TEST_UPDATE));
    return report.failed.length + errors.length === 0 ? 0 : 1;
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

const argv = process.argv.slice(2);
if (argv.includes('--help') || argv.includes('-h')) process.stdout.write(help);
else
  process.exitCode = await main(argv).catch((error: Error) => {
    process.stderr.write(`\n${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  });
