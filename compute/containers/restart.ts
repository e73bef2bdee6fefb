/** What happens when a container's program has ended although it should run. Pure. */
import type { ObservedContainer } from '../drivers/driver.ts';
import type { Container } from './container.ts';

type Ended = Pick<Container, 'restartPolicy' | 'maximumRetries' | 'restarts'>;

/** Its program ran and is over; not merely made, paused or gone. */
export function hasEnded(guest: ObservedContainer | undefined): guest is ObservedContainer & { exitCode: number } {
  return guest !== undefined && guest.exitCode !== null && (guest.power === 'shutdown' || guest.power === 'crashed');
}

/** Somebody beside us made it end: a signal told it to, as when its engine or its host goes down. */
export function wasTold(guest: ObservedContainer & { exitCode: number }): boolean {
  return guest.power === 'shutdown' && guest.exitCode !== 0;
}

/** Whether it is started again. What was told to end by others is put right, whatever its policy. */
export function isRestarted(container: Ended, guest: ObservedContainer & { exitCode: number }): boolean {
  if (wasTold(guest)) return true;
  switch (container.restartPolicy) {
    case 'no':
      return false;
    case 'on-failure': {
      const { maximumRetries: most, restarts } = container;
      return guest.exitCode !== 0 && (most === 0 || restarts < most);
    }
    default:
      return true;
  }
}

const longEnoughSeconds = 10;
const mostSeconds = 60;

/** Seconds until the next start: at once the first time, or when it had run for a while; then ever longer, as Docker has it. */
export function restartDelaySeconds(restarts: number, ranSeconds: number): number {
  if (restarts === 0 || ranSeconds >= longEnoughSeconds) return 0;
  return Math.min(2 ** (restarts - 1), mostSeconds);
}
