import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { reportHost } from '../hosts/store.ts';
import {
  obstacle,
  powerStateOf,
  progressOf,
  requirements,
  type StateFields,
  statuses,
  statusOf,
  taskStateOf,
  vmStateOf,
} from './states.ts';
import { powerStateSql, progressSql, statusSql, taskStateSql, vmStateSql } from './status-sql.ts';
import { fromRow, getServer, selectServers } from './store.ts';

/** Chooses with the same numbers at every run (mulberry32): a failure can be looked at again. */
function dice(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    pick: <T>(...sides: T[]): T => sides[Math.floor(next() * sides.length)] as T,
    /** Seldom `odd`. */
    usually: <T, U>(usual: T, odd: U): T | U => (next() < 0.87 ? usual : odd),
  };
}

const common = {
  project_id: 'p',
  user_id: 'u',
  name: 's',
  hostname: 's',
  flavor_id: 'f',
  vcpus: 1,
  memory_mib: 1,
  disk_gib: 1,
  disk_image_format: 'raw',
  reservation_id: 'r',
  fault_message: 'x',
  revision: 9,
};

test('the words that filters compute in SQL are those that clients see, in all kinds of states', async (t) => {
  const { db } = await startTestCloud(t);
  const facts = { hypervisorType: 'Q', hypervisorVersion: 1, virtualisation: 'kvm', cpuModel: 'x', architecture: 'x' };
  const host = { name: 'h', address: 'a', vcpus: 1, memoryMib: 1, diskGib: 1, ...facts };
  const hostId = await reportHost(db, host, null);
  const { pick, usually } = dice(20_261_120);
  const otherHostId = await reportHost(db, { ...host, name: 'other' }, null);
  const rows: object[] = [];
  const actions: object[] = [];
  for (let i = 0; i < 3000; i += 1) {
    const id = randomUUID();
    const isPlaced = usually(true, false);
    const shelvedAt = isPlaced ? usually(null, new Date()) : null;
    const isRescue = usually(false, true);
    const isMoving = isPlaced && usually(false, true);
    rows.push({
      ...common,
      id,
      image_id: id,
      disk_image_id: id,
      host_id: isPlaced ? hostId : null,
      unplaced_reason: isPlaced ? null : 'full',
      other_host_id: isMoving ? otherHostId : null,
      move: isMoving ? pick(null, 'cold', 'live', 'live', 'back') : null,
      is_faulty: usually(false, true),
      marked_error_at: usually(null, new Date()),
      observed_power: pick(null, 'running', 'running', 'paused', 'suspended', 'shutdown', 'crashed'),
      wanted_power: pick('running', 'running', 'running', 'paused', 'suspended', 'shutdown'),
      stopped_itself_at_revision: usually(null, 9),
      deletion_requested_at: usually(null, new Date()),
      soft_deleted_at: usually(null, new Date()),
      disk_generation: pick(1, 1, 2),
      observed_disk_generation: pick(1, 1, 2),
      rescue_image_id: isRescue ? id : null,
      rescue_image_format: isRescue ? 'raw' : null,
      observed_rescue: usually(isRescue, !isRescue),
      old_flavor: usually(null, '{"vcpus":1,"memoryMib":1,"diskGib":1}'),
      live_resize: usually(null, '{"from":{},"to":{}}'),
      shelved_at: shelvedAt,
      shelve_image_id: shelvedAt === null ? usually(null, id) : id,
      offload_requested_at: shelvedAt === null ? null : pick(null, shelvedAt),
      observed_shelved: usually(false, true),
    });
    const action = pick(null, 'SOFT', 'HARD', 'createImage', 'changePassword', 'start');
    if (action === null) continue;
    const row = { server_id: id, action, parameters: '{}', request_id: 'r', revision: 1 };
    const isReboot = action === 'SOFT' || action === 'HARD';
    actions.push(isReboot ? { ...row, action: 'reboot', parameters: JSON.stringify({ type: action }) } : row);
  }
  await db.batchInsert('servers', rows, 100);
  await db.batchInsert('server_actions', actions, 100);
  const told = await selectServers(db, 'everyone').select(
    db.raw(`${statusSql} as status, ${vmStateSql} as vm_state, ${taskStateSql} as task_state,
      ${powerStateSql} as power_state, ${progressSql} as progress`),
  );
  t.is(told.length, rows.length);
  const seen = new Set<string>();
  for (const row of told) {
    const server = fromRow(row);
    const { status, vm_state, task_state, power_state, progress } = row;
    t.is(status, statusOf(server), server.id);
    t.is(vm_state, vmStateOf(server), server.id);
    t.is(task_state, taskStateOf(server), server.id);
    t.is(power_state, powerStateOf(server), server.id);
    t.is(progress, progressOf(server), server.id);
    seen.add(status);
  }
  t.deepEqual([...seen].sort(), [...statuses]);
  const { id } = rows[0] as { id: string };
  await t.throwsAsync(getServer(db, { projectId: 'other' }, id));
});

const idle: StateFields = {
  unplacedReason: null,
  isFaulty: false,
  markedErrorAt: null,
  observedPower: 'running',
  observedRescue: false,
  observedShelved: false,
  observedDiskGeneration: 1,
  wantedPower: 'running',
  rescueImageId: null,
  diskGeneration: 1,
  oldFlavor: null,
  liveResize: null,
  move: null,
  shelvedAt: null,
  offloadRequestedAt: null,
  shelveImageId: null,
  softDeletedAt: null,
  stoppedItselfAtRevision: null,
  revision: 3,
  pendingTask: null,
  deletionRequestedAt: null,
};
const oldFlavor = {
  flavorId: 'f',
  flavorName: 'f',
  extraSpecs: {},
  vcpus: 1,
  memoryMib: 1,
  diskGib: 1,
  ephemeralGib: 0,
  swapMib: 0,
  extraDiskGib: 0,
  localDisks: [],
  diskGeneration: 1,
};

test('each state has the words that Nova has for it', (t) => {
  const at = new Date();
  const cases: [Partial<StateFields>, string, string | null, string][] = [
    [{}, 'active', null, 'ACTIVE'],
    [{ observedPower: null }, 'building', 'spawning', 'BUILD'],
    [{ wantedPower: 'paused' }, 'active', 'pausing', 'ACTIVE'],
    [{ wantedPower: 'paused', observedPower: 'paused' }, 'paused', null, 'PAUSED'],
    [{ observedPower: 'paused' }, 'paused', 'unpausing', 'PAUSED'],
    [{ wantedPower: 'suspended' }, 'active', 'suspending', 'ACTIVE'],
    [{ wantedPower: 'suspended', observedPower: 'suspended' }, 'suspended', null, 'SUSPENDED'],
    [{ wantedPower: 'suspended', observedPower: 'shutdown' }, 'stopped', null, 'SHUTOFF'],
    [{ observedPower: 'suspended' }, 'suspended', 'resuming', 'SUSPENDED'],
    [{ rescueImageId: 'i' }, 'active', 'rescuing', 'ACTIVE'],
    [{ rescueImageId: 'i', observedRescue: true }, 'rescued', null, 'RESCUE'],
    [{ observedRescue: true }, 'rescued', 'unrescuing', 'RESCUE'],
    [{ diskGeneration: 2 }, 'active', 'rebuilding', 'REBUILD'],
    [{ diskGeneration: 2, oldFlavor }, 'active', 'resize_finish', 'RESIZE'],
    [{ diskGeneration: 2, observedDiskGeneration: 2, oldFlavor }, 'resized', null, 'VERIFY_RESIZE'],
    [{ liveResize: { from: oldFlavor, to: oldFlavor } }, 'active', 'resize_prep', 'RESIZE'],
    [{ observedDiskGeneration: 2 }, 'active', 'resize_reverting', 'REVERT_RESIZE'],
    [{ pendingTask: 'SOFT' }, 'active', 'rebooting', 'REBOOT'],
    [{ pendingTask: 'HARD', observedPower: 'shutdown' }, 'stopped', 'rebooting_hard', 'HARD_REBOOT'],
    [{ pendingTask: 'changePassword' }, 'active', 'updating_password', 'PASSWORD'],
    [{ pendingTask: 'createImage' }, 'active', 'image_uploading', 'ACTIVE'],
    [{ shelvedAt: at, shelveImageId: 'i' }, 'active', 'shelving', 'ACTIVE'],
    [{ shelvedAt: at, shelveImageId: 'i', observedShelved: true }, 'shelved', null, 'SHELVED'],
    [
      { shelvedAt: at, offloadRequestedAt: at, shelveImageId: 'i', observedShelved: true },
      'shelved',
      'shelving_offloading',
      'SHELVED',
    ],
    [{ shelveImageId: 'i', observedShelved: true }, 'shelved', 'unshelving', 'SHELVED'],
    [{ shelvedAt: at, shelveImageId: 'i', observedPower: null }, 'shelved_offloaded', null, 'SHELVED_OFFLOADED'],
    [{ shelveImageId: 'i', observedPower: null }, 'shelved_offloaded', 'unshelving', 'SHELVED_OFFLOADED'],
    [{ softDeletedAt: at }, 'soft-delete', null, 'SOFT_DELETED'],
    [{ markedErrorAt: at }, 'error', null, 'ERROR'],
    [{ deletionRequestedAt: at, wantedPower: 'paused' }, 'active', 'deleting', 'ACTIVE'],
  ];
  for (const [changes, vmState, taskState, status] of cases) {
    const server = { ...idle, ...changes };
    t.deepEqual([vmStateOf(server), taskStateOf(server), statusOf(server)], [vmState, taskState, status]);
  }
});

test('an action says which state is in its way', (t) => {
  t.is(obstacle(idle, requirements.stop), undefined);
  t.is(obstacle(idle, requirements.start), 'vm_state active');
  t.is(obstacle({ ...idle, pendingTask: 'SOFT' }, requirements.stop), 'task_state rebooting');
  t.is(obstacle({ ...idle, pendingTask: 'SOFT' }, requirements['hard reboot']), undefined);
  t.is(obstacle({ ...idle, deletionRequestedAt: new Date() }, requirements.stop), 'task_state deleting');
  t.is(obstacle({ ...idle, isFaulty: true }, requirements['hard reboot']), undefined);
});

test('a guest that ended by itself is as it should be until something newer is asked for', (t) => {
  const ended = { ...idle, observedPower: 'shutdown', stoppedItselfAtRevision: 3 } as const;
  t.is(taskStateOf(ended), null);
  t.is(taskStateOf({ ...ended, revision: 4 }), 'powering-on');
});
