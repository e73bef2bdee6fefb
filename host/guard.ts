/** The program that ends this host's servers when its agent has lost its lease: for those who stop the host, or look at it. */
import { hostname } from 'node:os';
import { findGuard, sendHome } from '../compute/hosts/guard/fence.ts';
import { endServers } from '../compute/hosts/guard/servers.ts';
import { guardSocket, isGuarded, processDirectory } from '../compute/hosts/guard/settings.ts';
import { noteUnfenced } from '../compute/hosts/store.ts';
import { type Finding, fail, type HostContext, ok, warn } from './engines/engine.ts';
import { configOf, onDatabase } from './on-database.ts';

const name = 'guard';

/** Whether there is one that an agent has left: one that is stopped sends its own home. */
export async function isGuardLeft({ dataDir }: HostContext): Promise<boolean> {
  return (await findGuard(guardSocket(dataDir))) !== undefined;
}

/** Others are to rely on it no more. False: the database cannot be told now. */
export async function tellOfNoGuard({ dataDir }: HostContext): Promise<boolean> {
  try {
    await onDatabase(dataDir, (db, config) => noteUnfenced(db, config.hostName || hostname()));
    return true;
  } catch {
    return false;
  }
}

/**
 * Ends it, answering or not. Where others rely on it still, because the database could not be told, it ends what runs here first, as they
 * may start that. Gives what was done, for people.
 */
export async function endGuard(
  { dataDir }: HostContext,
  { isToldOf, runDirectory = processDirectory }: { isToldOf: boolean; runDirectory?: string },
): Promise<string> {
  const ended = isToldOf ? [] : endServers(runDirectory);
  if (!(await sendHome(guardSocket(dataDir)))) return 'had ended';
  return `sent home${ended.length === 0 ? '' : `, and ${ended.length} servers ended, as the database could not be told`}`;
}

/** For the doctor. */
export async function guard({ dataDir }: HostContext): Promise<Finding[]> {
  const found = await findGuard(guardSocket(dataDir));
  if (isGuarded(await configOf(dataDir))) {
    if (found === 'ready') return [ok(name, 'stands ready')];
    return [
      warn(
        name,
        'does not stand ready, although fencing is guard: nothing is evacuated from here by itself',
        'An agent that runs starts it within seconds, or its log and log/guard.log say why not.',
      ),
    ];
  }
  if (found === undefined) return [];
  return [
    fail(
      name,
      'one runs although fencing is none, and ends every server of this host once its time is over',
      'An agent that starts, or bin/down, sends it home.',
    ),
  ];
}
