/** Every action in every state of a server: which Nova takes it in (the decorators of nova/compute/api.py), and in which words it refuses. */
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import type { VmState } from '../servers/states.ts';
import { atVersion, prepareCompute } from '../testing.ts';

const base = '/compute/v2.1/servers';
const at = new Date();
const some = randomUUID();

/** What the row of a server says in each state, beside that of one that runs. */
const states: Record<Exclude<VmState, 'deleted'>, object> = {
  active: {},
  building: { observed_power: null, observed_disk_generation: null },
  stopped: { observed_power: 'shutdown', wanted_power: 'shutdown' },
  paused: { observed_power: 'paused', wanted_power: 'paused' },
  suspended: { observed_power: 'suspended', wanted_power: 'suspended' },
  rescued: { observed_rescue: true, rescue_image_format: 'raw', rescue_image_id: some },
  resized: { old_flavor: '{"vcpus":1,"memoryMib":64,"diskGib":1,"diskGeneration":1,"localDisks":[]}' },
  shelved: { observed_power: 'shutdown', observed_shelved: true, shelved_at: at, shelve_image_id: some },
  shelved_offloaded: { observed_power: null, host_id: null, shelved_at: at, shelve_image_id: some },
  'soft-delete': { observed_power: 'shutdown', soft_deleted_at: at },
  error: { is_faulty: true, fault_message: 'It failed.', fault_at: at },
};

interface Asked {
  body: object;
  /** As Nova calls it. */
  word: string;
  /** Where Nova takes it. */
  in: VmState[];
  /** Where we do beside that; compute/README.md says why. */
  alsoIn?: VmState[];
  isFreeOfLocks?: true;
  version?: string;
}

const ask = (word: string, body: object, taken: VmState[], more: Partial<Asked> = {}): Asked => ({
  word,
  body,
  in: taken,
  ...more,
});
const known = (imageRef: string): Asked[] => [
  ask('start', { 'os-start': null }, ['stopped']),
  ask('stop', { 'os-stop': null }, ['active', 'error']),
  ask('reboot', { reboot: { type: 'SOFT' } }, ['active']),
  ask('reboot', { reboot: { type: 'HARD' } }, ['active', 'stopped', 'paused', 'suspended', 'error']),
  ask('pause', { pause: null }, ['active']),
  ask('unpause', { unpause: null }, ['paused']),
  ask('suspend', { suspend: null }, ['active']),
  ask('resume', { resume: null }, ['suspended']),
  ask('rescue', { rescue: null }, ['active', 'stopped', 'error']),
  ask('unrescue', { unrescue: null }, ['rescued']),
  ask('rebuild', { rebuild: { imageRef } }, ['active', 'stopped', 'error']),
  ask('resize', { resize: { flavorRef: 'more' } }, ['active', 'stopped']),
  ask('confirmResize', { confirmResize: null }, ['resized']),
  ask('revertResize', { revertResize: null }, ['resized']),
  ask('createImage', { createImage: { name: 'i' } }, ['active', 'stopped', 'paused', 'suspended'], {
    isFreeOfLocks: true,
  }),
  ask(
    'createBackup',
    { createBackup: { name: 'i', backup_type: 'daily', rotation: 1 } },
    ['active', 'stopped', 'paused', 'suspended'],
    { isFreeOfLocks: true },
  ),
  ask('shelve', { shelve: null }, ['active', 'stopped', 'paused', 'suspended']),
  ask('shelveOffload', { shelveOffload: null }, ['shelved']),
  ask('unshelve', { unshelve: null }, ['shelved', 'shelved_offloaded']),
  ask('changePassword', { changePassword: { adminPass: 'x' } }, ['active']),
  ask('trigger_crash_dump', { trigger_crash_dump: null }, ['active', 'paused', 'rescued', 'resized', 'error'], {
    version: '2.17',
  }),
  ask('restore', { restore: null }, ['soft-delete']),
  ask('migrate', { migrate: null }, ['active', 'stopped']),
  ask('os-migrateLive', { 'os-migrateLive': { block_migration: 'auto', host: null } }, ['active', 'paused'], {
    version: '2.30',
  }),
  ask('evacuate', { evacuate: {} }, ['active', 'stopped', 'error'], { version: '2.30' }),
  ask('liveResize', { liveResize: { flavorRef: 'more' } }, ['active']), // of ours
];

test('each action is taken in the states that Nova takes it in, and refused in its words in all others', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, imageId } = await prepareCompute(t, cloud);
  const flavor = { id: 'more', name: 'more', ram: 128, vcpus: 1, disk: 1 };
  await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
  const id = await createServer({ networks: [] });
  await cloud.settle();
  const { db } = cloud;
  const { extra_disk_gib: _, ...row } = await db('servers').where({ id }).first();
  const json = (name: string, value: unknown) =>
    name === 'local_disks' || value?.constructor === Object ? JSON.stringify(value) : value;
  const running = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, json(name, value)]));
  const become = async (changes: object) => {
    await db('server_actions').where({ server_id: id }).delete();
    await db('server_migrations').where({ server_id: id }).delete();
    await db('servers')
      .where({ id })
      .update({ ...running, ...changes });
  };
  const act = async ({ body, version = '2.1' }: Asked, who: 'admin' | 'member') =>
    atVersion(cloud.as(who), version).request({ method: 'POST', path: `${base}/${id}/action`, body });
  const messageOf = (text: string) => Object.values<{ message: string }>(JSON.parse(text))[0]?.message;

  for (const [state, changes] of Object.entries(states))
    for (const asked of known(imageId)) {
      await become(changes);
      const { status, text } = await act(asked, 'admin');
      const what = `${JSON.stringify(asked.body)} in ${state}: ${status} ${text}`;
      const refusal = `Cannot '${asked.word}' instance ${id} while it is in vm_state ${state}`;
      if (asked.in.includes(state as VmState)) t.false(text.includes('while it is in'), what);
      else t.deepEqual([status, messageOf(text)], [409, refusal], what);
    }

  // While something is being done, only what Nova lets in between.
  for (const asked of known(imageId).filter((one) => one.in.includes('active'))) {
    await become({ wanted_power: 'shutdown' });
    const { status, text } = await act(asked, 'admin');
    const refusal = `Cannot '${asked.word}' instance ${id} while it is in task_state powering-off`;
    if (asked.word === 'evacuate') t.is(status, 400, text);
    else t.deepEqual([status, messageOf(text)], [409, refusal], JSON.stringify(asked.body));
  }

  const forAdmins = ['migrate', 'os-migrateLive', 'evacuate', 'shelveOffload'];
  for (const asked of known(imageId).filter(({ word }) => !forAdmins.includes(word))) {
    const [state = 'active'] = asked.in;
    await become({ ...states[state as 'active'], locked_by: 'owner' });
    const { status, text } = await act(asked, 'member');
    if (asked.isFreeOfLocks) t.not(messageOf(text || '{"x":{}}'), `Instance ${id} is locked`);
    else t.deepEqual([status, messageOf(text)], [409, `Instance ${id} is locked`], JSON.stringify(asked.body));
  }
});

test('a server can be deleted in whatever state it is', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, host } = await prepareCompute(t, cloud);
  for (const [state, changes] of Object.entries(states)) {
    const id = await createServer({ networks: [] });
    await cloud.settle();
    await cloud
      .db('servers')
      .where({ id })
      .update({ updated_at: cloud.db.fn.now(), ...changes });
    if (state === 'shelved_offloaded') host.forget(id);
    const body = state === 'soft-delete' ? { forceDelete: null } : null;
    const member = cloud.as('member');
    if (body === null) await member.delete(`${base}/${id}`);
    else await member.post(`${base}/${id}/action`, body, 202);
    await member.delete(`${base}/${id}`, state === 'shelved_offloaded' ? 404 : 204); // twice is once
    await cloud.settle();
    await member.get(`${base}/${id}`, 404);
    t.is(host.servers.size, 0, state);
  }
  t.deepEqual(await cloud.db('compute_claims').select(), []);
});
