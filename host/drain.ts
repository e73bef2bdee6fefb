/** `cirrostack host drain`: takes the servers of a host to others, and tells how far it has come. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Knex } from '../common/database/database.ts';
import { schedulingOf } from '../compute/scheduler/scheduling.ts';
import { type DrainDeps, type Draining, drainHost } from '../compute/servers/moves/drain.ts';
import { onDatabase } from './on-database.ts';
import { defaultDataDir, parseOptionsAndNames, UsageError } from './options.ts';

export const hostHelp = `Usage: cirrostack host drain HOST [--data-dir DIR]

Lets no more servers come to a host, and takes those that are there to others: those that run while they run, those that are
shut down shut down. Ends with 0 when none is left, and with 1 when some cannot go, with the reasons. Interrupted, it can be
asked for again. Containers stay. Afterwards: openstack compute service set --enable HOST nova-compute

  --data-dir DIR  where the cloud keeps everything (${defaultDataDir})
`;

const lookAgainMs = 2000;

export async function host([action = '', ...argv]: string[]): Promise<number> {
  if (action !== 'drain')
    throw new UsageError(`cirrostack host can drain, and not ${action || 'nothing'}. See --help.`);
  const { values, positionals } = parseOptionsAndNames(argv, {
    'data-dir': { type: 'string', default: defaultDataDir },
  });
  const [name, ...others] = positionals;
  if (name === undefined || others.length > 0) throw new UsageError('Name one host. See --help.');
  let outcome = 1;
  await onDatabase(values['data-dir'], async (db, config) => {
    await disable(db, name);
    outcome = await drain({ db, scheduling: schedulingOf(config) }, name);
  });
  return outcome;
}

async function disable(db: Knex, name: string): Promise<void> {
  const reason = { is_disabled: true, disabled_reason: 'drained' };
  const known = await db('compute_hosts').where({ name }).first('is_disabled');
  if (known === undefined) throw new UsageError(`There is no host ${name}; openstack hypervisor list shows them all.`);
  if (!known.is_disabled) await db('compute_hosts').where({ name }).update(reason);
}

async function drain(deps: DrainDeps, name: string): Promise<number> {
  for (let told = ''; ; await sleep(lookAgainMs)) {
    const draining = await drainHost(deps, name);
    const words = inWords(draining);
    if (words !== told) process.stdout.write(words);
    told = words;
    if (draining.left === 0) return 0;
    if (draining.moving === 0) return 1;
  }
}

function inWords({ left, moving, stuck }: Draining): string {
  if (left === 0) return 'No server is left.\n';
  const reasons = [...stuck].map(([id, why]) => `  ${id} cannot go: ${why}\n`);
  return `${left} servers left, ${moving} of them on their way.\n${reasons.join('')}`;
}
