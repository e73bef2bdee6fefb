/** Two hosts on this machine, each with its libvirtd and its agent: servers go from one to the other, and one host is lost. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startTestCloud } from '../../../tests/cloud.ts';
import { until } from '../../drivers/contract/host-under-test.ts';
import { guardFence } from '../../hosts/guard/fence.ts';
import { atVersion, type TestCloud } from '../../testing.ts';

/** Written to disks, so far from their beginning that no file system has anything there. */
const [marker, middle] = ['written by the guest', 9_000_000];

interface NamespaceHost {
  /** Where its own files are, seen from here. */
  own: string;
  kill(): Promise<void>;
  /** Of its agent alone. */
  killAgent(): Promise<void>;
}

async function startHost(t: ExecutionContext, cloud: TestCloud, name: string, number: number): Promise<NamespaceHost> {
  const own = await mkdtemp(join(tmpdir(), `cirrostack-${name}-`));
  await chmod(own, 0o711);
  const { dataDir, databaseUrl } = cloud.config;
  const config = {
    dataDir,
    databaseUrl: databaseUrl.reveal(),
    hostName: name,
    roles: 'agent',
    ovsDatapath: 'netdev',
    dockerSocket: join(own, 'none.sock'), // it looks after servers alone, and after nobody else's guests
    ovnNorthbound: `unix:${join(own, 'none.sock')}`,
    ovnSouthbound: `unix:${join(own, 'none.sock')}`,
    migrationListen: '127.0.0.1:0',
    fencing: 'guard',
  };
  await writeFile(join(own, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  const alone = ['--mount', '--uts', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  const program = [
    process.execPath,
    join(import.meta.dirname, 'namespace-host.ts'),
    name,
    own,
    dataDir,
    String(number),
  ];
  const child = spawn('unshare', [...alone, 'tini', '-s', '--', ...program], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  t.teardown(async () => {
    await kill();
    if (!t.passed) {
      t.log(name, errors);
      t.log((await readFile(join(own, 'node.log'), 'utf8').catch(() => '')).split('\n').slice(-40).join('\n'));
      t.log((await readFile(join(own, 'libvirtd.log'), 'utf8').catch(() => '')).split('\n').slice(-20).join('\n'));
    }
    await rm(own, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  const killAgent = async () => {
    for (const pid of (await readdir('/proc')).filter((one) => /^\d+$/.test(one))) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
      if (command.includes(`main.ts\0--config\0${join(own, 'config.json')}`)) process.kill(Number(pid), 'SIGKILL');
    }
  };
  return { own, kill, killAgent };
}

/**
 * A disk whose guest writes `booted` to its serial port, and then letter after letter, `a` to `z` and again, twice a second: what
 * comes next is in its memory alone. 16-bit, at 0x7c00.
 */
function countingDisk(): Buffer {
  const code =
    '31c08ed8be417c' + // the text is at 0x7c41
    'ac84c0741288c3bafd03eca82074f888d8baf803eeebe9' + // send it, character by character
    'b161' + // begin with a
    'b509fbf4fecd75fa' + // wait for nine ticks of the clock
    'bafd03eca82074f888c8baf803ee' + // send the letter
    'fec180f97b75e3b161ebdf'; // the next one
  const disk = Buffer.alloc(1024 * 1024);
  Buffer.from(code, 'hex').copy(disk);
  disk.write('booted\r\n', 0x41, 'latin1');
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

test('a running server goes to another host with its memory and its disks, and back shut down, and is made anew when that host is lost', async (t) => {
  t.timeout(180_000);
  const cloud = await startTestCloud(t, { evacuationPolicy: 'fenced' });
  await chmod(cloud.config.dataDir, 0o711);
  await mkdir(join(cloud.config.dataDir, 'cache'), { recursive: true });
  const admin = atVersion(cloud.as('admin'), '2.80');
  const east = await startHost(t, cloud, 'east', 1);
  const west = await startHost(t, cloud, 'west', 2);
  const flavor = { id: 'tiny', name: 'tiny', ram: 64, vcpus: 1, disk: 1, swap: 16, 'OS-FLV-EXT-DATA:ephemeral': 1 };
  await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
  const form = {
    name: 'counts',
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'public',
    os_shutdown_timeout: '0',
  };
  const image = await cloud.as('admin').post('/image/v2/images', form);
  await cloud.as('admin').request({
    method: 'PUT',
    path: `/image/v2/images/${image.id}/file`,
    payload: countingDisk(),
    headers: { 'content-type': 'application/octet-stream' },
  });
  const hosts = () => cloud.db('compute_hosts').whereNotNull('migration_address').whereIn('name', ['east', 'west']);
  await until(t, 'both hosts have reported', async () => (await hosts()).length === 2);

  const asked = { name: 'moves', imageRef: image.id, flavorRef: 'tiny', networks: 'none', host: 'east' };
  const { id } = (await admin.post('/compute/v2.1/servers', { server: asked }, 202)).server;
  const path = `/compute/v2.1/servers/${id}`;
  const show = async () => (await admin.get(path)).server;
  const becomes = (status: string, host: string) =>
    until(t, `it is ${status} on ${host}`, async () => {
      const server = await show();
      if (server.status === 'ERROR' && status !== 'ERROR') throw new Error(JSON.stringify(server.fault));
      return server.status === status && server['OS-EXT-SRV-ATTR:host'] === host;
    });
  const output = async (): Promise<string> =>
    (await admin.post(`${path}/action`, { 'os-getConsoleOutput': {} }, 200)).output;
  const letters = async () => (await output()).replace(/^[\s\S]*booted\r?\n/, '').replace(/[^a-z]/g, '');
  await becomes('ACTIVE', 'east');
  await until(t, 'it counts', async () => (await letters()).length > 2);

  /** What is in the middle of its disks beside the root disk on that host, and how much room they take there. */
  const localDisks = async ({ own }: NamespaceHost) => {
    const directory = join(own, 'compute', 'servers', id);
    const names = (await readdir(directory)).filter((name) => name.endsWith('.raw')).sort();
    return Promise.all(
      names.map(async (name) => {
        const file = await open(join(directory, name), 'r+');
        const { buffer } = await file.read(Buffer.alloc(marker.length), 0, marker.length, middle);
        const { blocks } = await file.stat();
        return { name, file, text: String(buffer), takesMib: (blocks * 512) / 2 ** 20 };
      }),
    );
  };
  const hasItsData = async (host: NamespaceHost) => {
    const disks = await localDisks(host);
    for (const { file } of disks) await file.close();
    const told = disks.map(({ name, takesMib }) => `${name} ${takesMib} MiB`).join();
    t.deepEqual(
      disks.map(({ text }) => text),
      [marker, marker],
      told,
    );
    t.log(told);
  };
  for (const { file } of await localDisks(east)) {
    await file.write(marker, middle);
    await file.close();
  }

  /** A host where something of it is left does not get it again. */
  const nothingIsLeft = () =>
    until(
      t,
      'nothing of it is left where it was',
      async () => !(await cloud.db('server_migrations').where({ source_to_clear: true }).first()),
    );
  const began = performance.now();
  const before = await letters();
  await admin.post(`${path}/action`, { 'os-migrateLive': { block_migration: 'auto', host: null } }, 202);
  await becomes('ACTIVE', 'west').catch(async (error) => {
    t.log(await cloud.db('server_migrations').select('status', 'reason', 'progress'));
    throw error;
  });
  t.log('live', Math.round(performance.now() - began), 'ms');
  const [move] = await cloud.db('server_migrations').where({ server_id: id });
  t.like(move, { status: 'completed', reason: null });
  await until(t, 'it counts on', async () => (await output()).replace(/[^a-z]/g, '').length > 2);
  t.false((await output()).includes('booted'), 'it did not boot again');
  const next = (await output()).replace(/[^a-z]/g, '')[0] as string;
  const since = (next.charCodeAt(0) - (before.at(-1) as string).charCodeAt(0) + 26) % 26;
  t.true(since >= 1 && since < 20, `after ${before.at(-1)} came ${next}`);
  await hasItsData(west);
  await nothingIsLeft();

  await admin.post(`${path}/action`, { migrate: null }, 202);
  await becomes('VERIFY_RESIZE', 'east');
  await hasItsData(east);
  await admin.post(`${path}/action`, { confirmResize: null }, 204);
  await becomes('ACTIVE', 'east');
  await until(t, 'it has booted', async () => /booted/.test(await output()));
  await nothingIsLeft();

  const lost = performance.now();
  const took = (what: string) => t.log(what, Math.round(performance.now() - lost), 'ms');
  // East loses its power when the server has gone, and just before its agent writes that down.
  await until(t, 'it counts', async () => (await letters()).length > 1);
  await admin.post(`${path}/action`, { 'os-migrateLive': { block_migration: 'auto', host: 'west' } }, 202);
  const row = await cloud.db.transaction();
  await row('servers').where({ id }).forUpdate().select('id');
  await until(t, 'its agent is about to write it down', async () => {
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return (await cloud.db.raw(waiting)).rows.length > 0;
  });
  await east.kill();
  await row.rollback();
  const forced = (isDown: boolean) =>
    cloud.db('compute_hosts').where({ name: 'east' }).update({ is_forced_down: isDown });
  await forced(true);
  await admin.post(`${path}/action`, { evacuate: {} }, 200);
  await becomes('ACTIVE', 'west');
  await until(t, 'it counts on', async () => (await output()).replace(/[^a-z]/g, '').length > 2);
  t.false((await output()).includes('booted'), 'what had arrived was not made anew');
  took('taken over');
  await hasItsData(west);

  // The agent of west ends and its servers run on, until the guard ends them: only then are they evacuated.
  await forced(false);
  await startHost(t, cloud, 'east', 1);
  await nothingIsLeft();
  const pidFile = join(west.own, 'run', 'qemu', `cs-${id}.pid`);
  took('east is back');
  t.true(existsSync(pidFile));
  await west.killAgent();
  const evacuated = async () => {
    await cloud
      .db('compute_hosts')
      .where({ name: 'west' })
      .update({ agent_seen_at: new Date(0) });
    const [evacuations] = cloud.modules.flatMap((one) => one.controllers).filter(({ name }) => name === 'evacuations');
    for (const one of (await evacuations?.pending(10)) ?? []) await evacuations?.reconcile(one);
  };
  const options = { runDirectory: '', logFile: '', firstSeconds: 0 };
  await guardFence({ socket: join(west.own, 'compute', 'guard.sock'), ...options }).extend(0);
  await until(t, 'the guard has ended it', async () => !existsSync(pidFile));
  took('ended by the guard');
  await evacuated();
  await becomes('ACTIVE', 'east');
  await until(t, 'it has booted', async () => /booted/.test(await output()));
  await admin.delete(path);
  await until(t, 'it is gone', async () => (await admin.request({ method: 'GET', path })).status === 404);
});
