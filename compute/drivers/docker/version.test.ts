import test from 'ava';
import { judgeVersions, versionsOf } from './version.ts';

const verdicts: [runtime: string, allowed: boolean, problems: number][] = [
  ['1.0.3', false, 2],
  ['1.1.5', false, 2],
  ['1.1.5+ds1-1', false, 2],
  ['1.1.5+ds1-1+deb12u1', true, 1],
  ['1.1.5+ds1-1+deb12u2', true, 1],
  ['1.1.11', false, 2],
  ['1.1.12', true, 1],
  ['1.1.15', true, 1],
  ['1.2.7', true, 1],
  ['1.2.8', true, 0],
  ['1.3.2', true, 1],
  ['1.3.3', true, 0],
  ['1.4.0', true, 0],
  ['2.0.0', true, 0],
  ['', false, 1],
  ['unknown', false, 1],
];
for (const [runtime, allowed, problems] of verdicts) {
  test(`runc ${runtime || 'without a version'} is ${allowed ? 'allowed' : 'refused'}, with ${problems} problems`, (t) => {
    const verdict = judgeVersions({ engine: '20.10.24', runtime });
    t.is(verdict.allowed, allowed);
    t.is(verdict.problems.length, problems);
  });
}

test("the runtime's version is the package's where the engine tells it, and upstream's otherwise", (t) => {
  const told = (Version: string, GitCommit: string) =>
    versionsOf({ Version: '20.10.24', Components: [{ Name: 'runc', Version, Details: { GitCommit } }] } as never)
      .runtime;
  t.is(told('1.1.5+ds1', '1.1.5+ds1-1+deb12u1'), '1.1.5+ds1-1+deb12u1');
  t.is(told('1.1.12', 'v1.1.12-0-g51d5e946'), '1.1.12');
  t.is(told('1.3.0', '4ca628d1d4c974f92d24daccb901aa078aad748e'), '1.3.0');
  t.is(versionsOf({ Version: '20.10.24' } as never).runtime, '');
});
