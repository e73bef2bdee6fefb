/** What a server should do: run, pause, keep its memory on disk, be shut down. */
import type { ProjectContext } from '../../common/context.ts';
import { ask } from './ask.ts';
import type { ServerDeps } from './create.ts';
import type { RebootType } from './server.ts';
import { requirements } from './states.ts';

/** Each by the name of its action in the API and in the log. */
const powerWishes = {
  start: { requirement: requirements.start, power: 'running' },
  stop: { requirement: requirements.stop, power: 'shutdown' }, // asked first; its power is cut after a grace
  pause: { requirement: requirements.pause, power: 'paused' },
  unpause: { requirement: requirements.unpause, power: 'running' },
  suspend: { requirement: requirements.suspend, power: 'suspended' },
  resume: { requirement: requirements.resume, power: 'running' },
} as const;

export type PowerAction = keyof typeof powerWishes;

/** Throws `Conflict` unless the server's state allows it. */
export async function changePower(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  action: PowerAction,
): Promise<void> {
  await ask(db, ctx, id, { action, api: action, ...powerWishes[action] });
}

/** Asks for a reboot; a hard one also starts what is stopped, paused, suspended or in error. */
export async function rebootServer(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  type: RebootType,
): Promise<void> {
  const requirement = requirements[type === 'SOFT' ? 'soft reboot' : 'hard reboot'];
  const wish = { action: 'reboot', api: 'reboot', requirement, power: 'running', parameters: { type } } as const;
  await ask(db, ctx, id, wish);
}
