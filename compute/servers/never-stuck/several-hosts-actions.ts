/** What can be asked of servers where there are several hosts, beside `actions`: by whom, and what it makes of a server. */
import { type Action, actions, type Model, resizedTo, reverted } from './model.ts';

export interface AskedBy extends Action {
  /** Of administrators alone; users' where absent. */
  isForAdmins?: true;
  version?: string;
  /** It makes no sense but in these; elsewhere it is asked for now and then, to be refused. */
  when: string[];
}

/** A move that fails leaves the server as it was (compute/servers/moves/README.md). */
const perhaps =
  (effect: (before: Model) => Model) =>
  (before: Model): Model[] => [effect(before), before];

/** Begins again with what its image has, or is given back to the host that it came from, as it was there. */
function evacuated(before: Model): Model[] {
  const anew = { ...before, isRescued: false, isResized: false, before: null, written: null };
  const onItsWay = [anew, { ...anew, ...before.before, written: null }];
  return before.before === null ? [anew] : [...onItsWay, { ...reverted(before), isRescued: before.isRescued }];
}

const sensible: Record<string, string[]> = {
  start: ['SHUTOFF'],
  stop: ['ACTIVE'],
  pause: ['ACTIVE'],
  unpause: ['PAUSED'],
  suspend: ['ACTIVE'],
  resume: ['SUSPENDED'],
  'hard reboot': ['ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED'],
  'soft reboot': ['ACTIVE'],
  rescue: ['ACTIVE', 'SHUTOFF'],
  unrescue: ['RESCUE'],
  rebuild: ['ACTIVE', 'SHUTOFF'],
  'confirm resize': ['VERIFY_RESIZE'],
  'revert resize': ['VERIFY_RESIZE'],
  shelve: ['ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED'],
  unshelve: ['SHELVED_OFFLOADED'],
  'create image': ['ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED'],
};

const same = (before: Model) => before;

export const askedOfSeveralHosts: Record<string, AskedBy> = {
  ...Object.fromEntries(
    Object.entries(actions).map(([name, action]) => [name, { ...action, when: sensible[name] ?? [] }]),
  ),
  // To another host where its own has no room.
  resize: {
    body: () => ({ resize: { flavorRef: 'more' } }),
    effect: perhaps((before) => resizedTo(before, 'more')),
    when: ['ACTIVE', 'SHUTOFF'],
  },
  'resize back': {
    body: () => ({ resize: { flavorRef: 'tiny' } }),
    effect: perhaps((before) => resizedTo(before, 'tiny')),
    when: ['ACTIVE', 'SHUTOFF'],
  },
  // So much that a host has room for one of them: it goes to another host, or is refused.
  'resize to large': {
    body: () => ({ resize: { flavorRef: 'large' } }),
    effect: perhaps((before) => resizedTo(before, 'large')),
    when: ['ACTIVE', 'SHUTOFF'],
  },
  migrate: {
    isForAdmins: true,
    body: () => ({ migrate: null }),
    effect: perhaps((before) => resizedTo(before, before.flavor)),
    when: ['ACTIVE', 'SHUTOFF'],
  },
  'live migrate': {
    isForAdmins: true,
    version: '2.80',
    body: () => ({ 'os-migrateLive': { block_migration: 'auto', host: null } }),
    effect: same,
    when: ['ACTIVE', 'PAUSED'],
  },
  evacuate: {
    isForAdmins: true,
    version: '2.80',
    body: () => ({ evacuate: {} }),
    effect: evacuated,
    when: ['ACTIVE', 'SHUTOFF', 'VERIFY_RESIZE', 'RESCUE'],
  },
  'shelve offload': {
    isForAdmins: true,
    body: () => ({ shelveOffload: null }),
    effect: same,
    when: ['SHELVED_OFFLOADED'],
  },
  'live resize': {
    body: () => ({ liveResize: { flavorRef: 'grown' } }),
    effect: perhaps((before) => ({ ...before, flavor: 'grown' })),
    when: ['ACTIVE'],
  },
  'create backup': {
    body: () => ({ createBackup: { name: 'kept', backup_type: 'daily', rotation: 1 } }),
    effect: same,
    when: ['ACTIVE', 'SHUTOFF'],
  },
  'change password': {
    body: () => ({ changePassword: { adminPass: 'open sesame' } }),
    effect: same,
    when: ['ACTIVE'],
  },
  'crash dump': { version: '2.17', body: () => ({ trigger_crash_dump: null }), effect: same, when: ['ACTIVE'] },
  restore: {
    body: () => ({ restore: null }),
    effect: (before) => ({ ...before, isSoftDeleted: false, power: 'ACTIVE' }),
    when: ['SOFT_DELETED'],
  },
  'add group': { body: () => ({ addSecurityGroup: { name: 'extra' } }), effect: same, when: ['ACTIVE', 'SHUTOFF'] },
  'remove group': {
    body: () => ({ removeSecurityGroup: { name: 'extra' } }),
    effect: same,
    when: ['ACTIVE', 'SHUTOFF'],
  },
};
