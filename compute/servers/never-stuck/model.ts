/** What a server has to be like after what was accepted, told without a look at the code that makes it so. */
import type { PowerState } from '../../drivers/driver.ts';

export interface Model {
  power: 'ACTIVE' | 'SHUTOFF' | 'PAUSED' | 'SUSPENDED';
  isRescued: boolean;
  isResized: boolean;
  isShelved: boolean;
}

export const newborn: Model = { power: 'ACTIVE', isRescued: false, isResized: false, isShelved: false };

/** One server, and all that it may be: where two requests came at once, or its guest stopped just then, there is more than one. */
export interface Subject {
  id: string;
  models: Model[];
  isDeleted: boolean;
}

/** The bodies of `POST /servers/{id}/action`, and what each makes of a server once it is accepted (Compute API reference, "Servers - run an action"). */
export const actions: Record<
  string,
  { body(given: { imageId: string }): object; effect(before: Model): Model | Model[] }
> = {
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
    effect: (before) => ({ ...before, isRescued: false }),
  },
  resize: { body: () => ({ resize: { flavorRef: 'more' } }), effect: (before) => ({ ...before, isResized: true }) },
  'resize back': {
    body: () => ({ resize: { flavorRef: 'tiny' } }),
    effect: (before) => ({ ...before, isResized: true }),
  },
  'confirm resize': { body: () => ({ confirmResize: null }), effect: (before) => ({ ...before, isResized: false }) },
  'revert resize': { body: () => ({ revertResize: null }), effect: (before) => ({ ...before, isResized: false }) },
  // Called off where its image cannot be made: nothing is lost then.
  shelve: {
    body: () => ({ shelve: null }),
    effect: (before) => [{ ...before, isShelved: true }, before],
  },
  unshelve: {
    body: () => ({ unshelve: null }),
    effect: (before) => ({ ...before, power: 'ACTIVE', isShelved: false }),
  },
  'create image': { body: () => ({ createImage: { name: 'kept' } }), effect: (before) => before },
};

/** The word that clients see. */
export function statusOf({ power, isRescued, isResized, isShelved }: Model): string {
  if (isShelved) return 'SHELVED_OFFLOADED';
  if (isRescued) return 'RESCUE';
  return isResized ? 'VERIFY_RESIZE' : power;
}

/** What its guest may be on the host, undefined for none: one that crashed is down, and has no memory to keep. */
export function powersOf({ power, isShelved }: Model): readonly (PowerState | undefined)[] {
  if (isShelved) return [undefined];
  switch (power) {
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
export function withAccepted(models: Model[], names: string[]): Model[] {
  const orders = names.length < 2 ? [names] : [names, names.toReversed()];
  return orders.flatMap((order) =>
    order.reduce((before, name) => before.flatMap((model) => actions[name]?.effect(model) ?? []), models),
  );
}
