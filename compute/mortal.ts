/** For tests: a process that dies between two steps, which are the calls of drivers, before and after, and the statements. */
import type { Knex } from '../common/database/database.ts';

/** What the steps after the death throw: nothing of them happens. */
export class Killed extends Error {}

export interface Reaper {
  /** Comes before whatever can be seen from outside; throws `Killed` once the process is dead. */
  step(): void;
  isDead(): boolean;
  /** At once, however many steps were left. */
  kill(): void;
}

/** Lets `steps` steps happen and kills at the next; a killed process does nothing more. */
export function reaper(steps: number): Reaper {
  let left = steps;
  const step = () => {
    if (left <= 0) throw new Killed();
    left -= 1;
  };
  const kill = () => {
    left = 0;
  };
  return { step, isDead: () => left <= 0, kill };
}

/** Every call is a step before its work is done, and one after. */
export function mortal<T extends object>(driver: T, { step }: Reaper): T {
  return new Proxy(driver, {
    get: (target, name) => {
      const method = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => {
        step();
        const result = await method.apply(target, args);
        step(); // the work is done, and nobody is left to know
        return result;
      };
    },
  });
}

/** A transaction is one step: what it did not commit did not happen. */
export function mortalDatabase(db: Knex, { step }: Reaper): Knex {
  return new Proxy(db, {
    apply: (target, _self, args) => {
      step();
      return Reflect.apply(target, undefined, args);
    },
    get: (target, name) => {
      if (name === 'transaction') step();
      return Reflect.get(target, name);
    },
  });
}
