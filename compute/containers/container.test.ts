import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { splitWords } from './command-line.ts';
import { type Container, statusOf } from './container.ts';
import { isRestarted, restartDelaySeconds, wasTold } from './restart.ts';
import { statusSql } from './status-sql.ts';

const powers = [null, 'running', 'paused', 'shutdown', 'crashed'] as const;
const yesNo = [true, false];

/** Every combination of what the status depends on. */
function* everyState(): Generator<Container> {
  for (const observedPower of powers)
    for (const isLeaving of yesNo)
      for (const isUnplaced of yesNo)
        for (const isFaulty of yesNo)
          for (const wantedPower of ['running', 'shutdown'] as const)
            for (const hasEnded of yesNo)
              for (const isRebooting of yesNo)
                for (const isRestarting of yesNo)
                  for (const isLaunched of yesNo)
                    yield {
                      observedPower,
                      deletionRequestedAt: isLeaving ? new Date() : null,
                      unplacedReason: isUnplaced ? 'full' : null,
                      isFaulty,
                      wantedPower,
                      revision: 2,
                      endedAtRevision: hasEnded ? 2 : 1,
                      rebootRevision: isRebooting ? 2 : 1,
                      rebootedRevision: 1,
                      restartAt: isRestarting ? new Date() : null,
                      launchedAt: isLaunched ? new Date() : null,
                    } as Container; // the rest says nothing of the status
}

test('the status is the same in SQL as in code, in every state', async (t) => {
  const cloud = await startTestCloud(t);
  const states = [...everyState()];
  const rows = states.map((state) => ({
    observed_power: state.observedPower,
    deletion_requested_at: state.deletionRequestedAt,
    unplaced_reason: state.unplacedReason,
    is_faulty: state.isFaulty,
    wanted_power: state.wantedPower,
    revision: state.revision,
    ended_at_revision: state.endedAtRevision,
    reboot_revision: state.rebootRevision,
    rebooted_revision: state.rebootedRevision,
    restart_at: state.restartAt,
    launched_at: state.launchedAt,
  }));
  const { rows: answers } = await cloud.db.raw(
    `select ${statusSql} as status from jsonb_array_elements(?::jsonb) with ordinality as each(value, position),
      jsonb_populate_record(null::containers, value) as containers order by position`,
    [JSON.stringify(rows)],
  );
  t.deepEqual(
    answers.map(({ status }: { status: string }) => status),
    states.map(statusOf),
  );
});

test('words are split as a shell splits them, and nothing else of a shell is done', (t) => {
  const cases: [string, string[]][] = [
    ['', []],
    ['  ls   -l ', ['ls', '-l']],
    ['"sh" "-c" "echo $HOME; ls"', ['sh', '-c', 'echo $HOME; ls']],
    [`a'b c'd "e 'f'"`, ['ab cd', "e 'f'"]],
    [`"a\\"b" 'c\\d' e\\ f "\\n"`, ['a"b', 'c\\d', 'e f', '\\n']],
    [`"" ''`, ['', '']],
    ['a | b > c && $(d)', ['a', '|', 'b', '>', 'c', '&&', '$(d)']],
  ];
  for (const [line, words] of cases) t.deepEqual(splitWords(line), words, line);
  for (const line of ['"a', "a'", 'a\\']) t.throws(() => splitWords(line), { name: 'BadRequest' });
});

test('a program that ended is started again by its policy, and in any case when others stopped it', (t) => {
  const guest = (exitCode: number, power: 'shutdown' | 'crashed') => ({ id: 'x', command: [], exitCode, power });
  const clean = guest(0, 'shutdown');
  const failed = guest(1, 'crashed');
  const stopped = guest(137, 'shutdown');
  const policy = (restartPolicy: Container['restartPolicy'], maximumRetries = 0, restarts = 0) => ({
    restartPolicy,
    maximumRetries,
    restarts,
  });
  t.true(wasTold(stopped));
  for (const name of ['no', 'always', 'unless-stopped', 'on-failure'] as const)
    t.true(isRestarted(policy(name), stopped));
  for (const name of ['always', 'unless-stopped'] as const)
    for (const end of [clean, failed]) t.true(isRestarted(policy(name), end));
  for (const end of [clean, failed]) t.false(isRestarted(policy('no'), end));
  t.false(isRestarted(policy('on-failure'), clean));
  t.true(isRestarted(policy('on-failure', 0, 99), failed));
  t.true(isRestarted(policy('on-failure', 3, 2), failed));
  t.false(isRestarted(policy('on-failure', 3, 3), failed));
});

test('the next start waits ever longer, unless the program had run for a while', (t) => {
  t.deepEqual(
    [0, 1, 2, 3, 6, 7, 50].map((restarts) => restartDelaySeconds(restarts, 1)),
    [0, 1, 2, 4, 32, 60, 60],
  );
  t.is(restartDelaySeconds(50, 10), 0);
});
