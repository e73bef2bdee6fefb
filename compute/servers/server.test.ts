import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { reportHost } from '../hosts/store.ts';
import { hostnameFrom, obstacle, requirements, statusOf, taskStateOf } from './server.ts';
import { getServer, listServers } from './store.ts';

test('the status that filters compute in SQL is the one that clients see, in every state there is', async (t) => {
  const { db } = await startTestCloud(t);
  const facts = {
    hypervisorType: 'QEMU',
    hypervisorVersion: 1,
    virtualisation: 'kvm',
    cpuModel: 'x',
    architecture: 'x',
  };
  const host = { name: 'h', address: 'a', vcpus: 1, memoryMib: 1, diskGib: 1, ...facts };
  const hostId = await reportHost(db, host, null);
  const rows: object[] = [];
  const reboots: object[] = [];
  for (const isPlaced of [true, false])
    for (const isFaulty of [true, false])
      for (const observed of [null, 'running', 'paused', 'shutdown', 'crashed'])
        for (const wanted of ['running', 'shutdown'])
          for (const stoppedItself of [true, false])
            for (const deletion of [null, new Date()])
              for (const reboot of [null, 'SOFT', 'HARD']) {
                const id = randomUUID();
                rows.push({
                  id,
                  project_id: 'p',
                  user_id: 'u',
                  name: 's',
                  hostname: 's',
                  flavor_id: 'f',
                  vcpus: 1,
                  memory_mib: 1,
                  disk_gib: 1,
                  image_id: id,
                  image_format: 'raw',
                  reservation_id: 'r',
                  host_id: isPlaced ? hostId : null,
                  unplaced_reason: isPlaced ? null : 'full',
                  is_faulty: isFaulty,
                  fault_message: 'x',
                  observed_power: observed,
                  wanted_power: wanted,
                  stopped_itself_at_revision: stoppedItself ? 1 : null,
                  deletion_requested_at: deletion,
                });
                const action = { server_id: id, action: 'reboot', request_id: 'r', revision: 1 };
                if (reboot !== null) reboots.push({ ...action, parameters: JSON.stringify({ type: reboot }) });
              }
  await db.batchInsert('servers', rows, 100);
  await db.batchInsert('server_actions', reboots, 100);
  const statuses = ['ACTIVE', 'BUILD', 'ERROR', 'HARD_REBOOT', 'PAUSED', 'REBOOT', 'SHUTOFF'];
  let found = 0;
  for (const status of statuses) {
    const sort = [{ column: 'servers.created_at', direction: 'asc' as const }];
    const page = { limit: 1000, marker: undefined };
    const { servers } = await listServers(db, 'everyone', { statuses: [status] }, page, sort);
    t.true(servers.length > 0, status);
    for (const server of servers) t.is(statusOf(server), status);
    found += servers.length;
  }
  t.is(found, rows.length);
  const { id } = rows[0] as { id: string };
  await t.throwsAsync(getServer(db, { projectId: 'other' }, id));
});

const idle = {
  unplacedReason: null,
  isFaulty: false,
  observedPower: 'running',
  wantedPower: 'running',
  stoppedItselfAtRevision: null,
  revision: 3,
  pendingReboot: null,
  deletionRequestedAt: null,
} as const;

test('an action says which state is in its way', (t) => {
  t.is(obstacle(idle, requirements.stop), undefined);
  t.is(obstacle(idle, requirements.start), 'vm_state active');
  t.is(obstacle({ ...idle, pendingReboot: 'SOFT' }, requirements.stop), 'task_state rebooting');
  t.is(obstacle({ ...idle, pendingReboot: 'SOFT' }, requirements['hard reboot']), undefined);
  t.is(obstacle({ ...idle, deletionRequestedAt: new Date() }, requirements.stop), 'task_state deleting');
  t.is(obstacle({ ...idle, isFaulty: true }, requirements['hard reboot']), undefined);
});

test('a guest that ended by itself is as it should be until something newer is asked for', (t) => {
  const ended = { ...idle, observedPower: 'shutdown', stoppedItselfAtRevision: 3 } as const;
  t.is(taskStateOf(ended), null);
  t.is(taskStateOf({ ...ended, revision: 4 }), 'powering-on');
});

test('a host name is made of whatever a server is called', (t) => {
  t.is(hostnameFrom('Web Server_1.example', 'id'), 'web-server-1-example');
  t.is(hostnameFrom('Größe <b>', 'id'), 'groe-b');
  t.is(hostnameFrom('日本', 'id'), 'Server-id');
  t.is(hostnameFrom(`${'x'.repeat(62)}-y`, 'id'), 'x'.repeat(62));
});
