import type { ContainerInspectInfo } from 'dockerode';
import type { ObservedContainer, PowerState } from '../driver.ts';
import { ungated } from './gate.ts';
import { containerName, idLabel } from './names.ts';

/** 128 + HUP, INT, QUIT, KILL, TERM: it was told to end, by us or by somebody else. A kill for lack of memory is told apart. */
const endedOnRequest = new Set([129, 130, 131, 137, 143]);

/** Undefined for a container that is not ours: an image may bring our label, but nobody else gives our name. */
export function observed(info: ContainerInspectInfo): ObservedContainer | undefined {
  const id = info.Config.Labels?.[idLabel];
  if (id === undefined || info.Name !== `/${containerName(id)}`) return undefined;
  const argv = [info.Path, ...info.Args];
  const power = powerOf(info.State);
  const ended = (power === 'shutdown' || power === 'crashed') && info.State.Status !== 'created';
  return { id, power, exitCode: ended ? info.State.ExitCode : null, command: ungated(argv) ?? argv };
}

function powerOf({ Status, ExitCode, OOMKilled, Dead }: ContainerInspectInfo['State']): PowerState {
  if (Status === 'running' || Status === 'restarting') return 'running';
  if (Status === 'paused') return 'paused';
  if (Status === 'created' || Status === 'removing') return 'shutdown';
  if (Dead || OOMKilled) return 'crashed';
  return ExitCode === 0 || endedOnRequest.has(ExitCode) ? 'shutdown' : 'crashed';
}
