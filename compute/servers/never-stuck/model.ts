/** What a server has to be like after what was accepted, told without a look at the code that makes it so. */
import type { PowerState } from '../../drivers/driver.ts';

export interface Model {
  power: 'ACTIVE' | 'SHUTOFF' | 'PAUSED' | 'SUSPENDED';
  isRescued: boolean;
  isResized: boolean;
  isShelved: boolean;
  isSoftDeleted: boolean;
  flavor: string;
  /** What is on its root disk; null: nothing that anybody has written. */
  written: string | null;
  /** Both as they were before a resize. */
  before: { flavor: string; written: string | null } | null;
}

export const newborn: Model = {
  power: 'ACTIVE',
  isRescued: false,
  isResized: false,
  isShelved: false,
  isSoftDeleted: false,
  flavor: 'tiny',
  written: null,
  before: null,
};

/** One server, and all that it may be: where two requests came at once, or its guest stopped just then, there is more than one. */
export interface Subject {
  id: string;
  models: Model[];
  isDeleted: boolean;
}

export interface Action {
  body(given: { imageId: string }): object;
  effect(before: Model): Model | Model[];
}

export const resizedTo = (model: Model, flavor: string): Model => ({
  ...model,
  flavor,
  isResized: true,
  before: { flavor: model.flavor, written: model.written },
});
const confirmed = (model: Model): Model => ({ ...model, isResized: false, before: null });
export const reverted = (model: Model): Model => ({ ...confirmed(model), ...model.before });

/** The bodies of `POST /servers/{id}/action`, and what each makes of a server once it is accepted (Compute API reference, "Servers - run an action"). */
export const actions: Record<string, Action> = {
  start: { body: () => ({ 'os-start': null }), effect: (before) => ({ ...before, power: 'ACTIVE' }) },
  stop: { body: () => ({ 'os-stop': null }), effect: (before) => ({ ...before, power: 'SHUTOFF' }) },
  pause: { body: () => ({ pause: null }), effect: (before) => ({ ...before, power: 'PAUSED' }) },
  unpause: { body: () => ({ unpause: null }), effect: (before) => ({ ...before, power: 'ACTIVE' }) },
  suspend: { body: () => ({ suspend: null }), effect: (before) => ({ ...before, power: 'SUSPENDED' }) },
  resume: { body: () => ({ resume: null }), effect: (before) => ({ ...before, power: 'ACTIVE' }) },
  'hard reboot': {
    body: () => ({ reboot: { type: 'HARD' } }),
    effect: (before) => ({ ...before, power: 'ACTIVE' }),
  },
  'soft reboot': { body: () => ({ reboot: { type: 'SOFT' } }), effect: (before) => before },
  rescue: {
    body: () => ({ rescue: null }),
    effect: (before) => ({ ...before, power: 'ACTIVE', isRescued: true }),
  },
  unrescue: {
    body: () => ({ unrescue: null }),
    effect: (before) => ({ ...before, power: 'ACTIVE', isRescued: false }),
  },
  rebuild: {
    body: ({ imageId }) => ({ rebuild: { imageRef: imageId } }),
    effect: (before) => ({ ...before, isRescued: false, written: null }),
  },
  resize: { body: () => ({ resize: { flavorRef: 'more' } }), effect: (before) => resizedTo(before, 'more') },
  'resize back': {
    body: () => ({ resize: { flavorRef: 'tiny' } }),
    effect: (before) => resizedTo(before, 'tiny'),
  },
  'confirm resize': { body: () => ({ confirmResize: null }), effect: confirmed },
  'revert resize': { body: () => ({ revertResize: null }), effect: reverted },
  // Called off where its image cannot be made: nothing is lost then.
  shelve: {
    body: () => ({ shelve: null }),
    effect: (before) => [{ ...before, isShelved: true }, before],
  },
  unshelve: {
    body: () => ({ unshelve: null }),
    // Images of simulated servers are empty.
    effect: (before) => ({ ...before, power: 'ACTIVE', isShelved: false, written: null }),
  },
  'create image': { body: () => ({ createImage: { name: 'kept' } }), effect: (before) => before },
};

/** The word that clients see. */
export function statusOf({ power, isRescued, isResized, isShelved, isSoftDeleted }: Model): string {
  if (isSoftDeleted) return 'SOFT_DELETED';
  if (isShelved) return 'SHELVED_OFFLOADED';
  if (isRescued) return 'RESCUE';
  return isResized ? 'VERIFY_RESIZE' : power;
}

/** What its guest may be on the host, undefined for none: one that crashed is down, and has no memory to keep. */
export function powersOf({ power, isShelved, isSoftDeleted }: Model): readonly (PowerState | undefined)[] {
  if (isShelved) return [undefined];
  switch (isSoftDeleted ? 'SHUTOFF' : power) {
    case 'ACTIVE':
      return ['running'];
    case 'PAUSED':
      return ['paused'];
    case 'SHUTOFF':
      return ['shutdown', 'crashed'];
    case 'SUSPENDED':
      return ['suspended', 'shutdown', 'crashed'];
  }
}

/** What the server may be once these were accepted, in whichever order they came. */
export function withAccepted(models: Model[], names: string[], known: Record<string, Action> = actions): Model[] {
  const orders = names.length < 2 ? [names] : [names, names.toReversed()];
  const all = orders.flatMap((order) =>
    order.reduce((before, name) => before.flatMap((model) => known[name]?.effect(model) ?? []), models),
  );
  return [...new Map(all.map((model) => [JSON.stringify(model), model])).values()];
}
