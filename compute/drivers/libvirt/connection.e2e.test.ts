/** Against a libvirtd of the test's own, which may be killed and stopped without harm to anybody's guests. */
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { Unavailable } from '../../../common/errors.ts';
import { until } from '../contract.ts';
import { type DomainEvent, LibvirtConnection } from './connection.ts';
import { LibvirtError } from './errors.ts';
import { libvirt } from './library.ts';

const run = promisify(execFile);

async function privateLibvirtd(t: ExecutionContext<unknown>) {
  t.timeout(600_000);
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-libvirtd-'));
  const socket = join(directory, 'libvirt-sock');
  const uri = `qemu+unix:///session?socket=${socket}`;
  const pidFile = join(directory, 'pid');
  await writeFile(join(directory, 'conf'), `unix_sock_dir = "${directory}"\nauth_unix_rw = "none"\n`);
  await chmod(directory, 0o755);
  await run('chown', ['libvirt-qemu', directory]);
  let daemon: ReturnType<typeof spawn> | undefined;
  const environment = Object.fromEntries(
    ['HOME', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME'].map((name) => [name, join(directory, name)]),
  );
  const asUser = ['setpriv', '--reuid=libvirt-qemu', '--regid=libvirt-qemu', '--init-groups', '--'];
  const pid = async () => Number(await readFile(pidFile, 'utf8'));
  const start = async () => {
    await rm(pidFile, { force: true });
    const args = ['-s', '--', ...asUser, 'libvirtd', '-f', join(directory, 'conf'), '-p', pidFile];
    daemon = spawn('tini', args, { env: { ...process.env, ...environment }, stdio: 'ignore' });
    await until(t, 'libvirtd answers', () =>
      run('virsh', ['-c', uri, 'connect']).then(
        () => true,
        () => false,
      ),
    );
  };
  const kill = async () => {
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = once(daemon, 'exit');
    process.kill(await pid(), 'SIGKILL');
    await ended;
  };
  const connections: LibvirtConnection[] = [];
  t.teardown(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await kill();
    await rm(directory, { recursive: true, force: true });
  });
  await start();
  const connect = (options: { concurrency?: number; keepAliveSeconds?: number } = {}) => {
    const connection = new LibvirtConnection({ uri, ...options });
    connections.push(connection);
    return connection;
  };
  return { uri, start, kill, connect, signal: async (name: NodeJS.Signals) => process.kill(await pid(), name) };
}

const version = (connection: LibvirtConnection, seconds?: number) =>
  connection.run('tell its version', (session) => session.check(libvirt().version(session.connection)), seconds);

test.serial('each of many failing calls at once gets its own error', async (t) => {
  const daemon = await privateLibvirtd(t);
  const connection = daemon.connect({ concurrency: 3 });
  const ids = Array.from({ length: 30 }, () => randomUUID());
  await Promise.all(
    ids.map(async (id) => {
      const find = connection.run('find', (session) => session.check(libvirt().findDomain(session.connection, id)));
      const error = await t.throwsAsync(find, { instanceOf: LibvirtError });
      t.true(error?.message.includes(id));
    }),
  );
});

test.serial('calls fail while libvirtd is dead and work again, without being told, once it is back', async (t) => {
  const daemon = await privateLibvirtd(t);
  const connection = daemon.connect();
  const events: DomainEvent[] = [];
  connection.listen((event) => events.push(event));
  await connection.listening();
  t.true((await version(connection)) > 1_000_000);
  await daemon.kill();
  await t.throwsAsync(version(connection));
  await daemon.start();
  t.true((await version(connection)) > 1_000_000);
  await until(t, 'listeners are told that anything may have happened', () =>
    events.some(({ kind }) => kind === 'resync'),
  );
});

test.serial('a restart between two calls is not noticed', async (t) => {
  const daemon = await privateLibvirtd(t);
  const connection = daemon.connect();
  await Promise.all([version(connection), version(connection)]);
  await daemon.kill();
  await daemon.start();
  t.true((await Promise.all([version(connection), version(connection)])).every((number) => number > 1_000_000));
});

test.serial('events arrive again after libvirtd was restarted', async (t) => {
  const daemon = await privateLibvirtd(t);
  const connection = daemon.connect();
  const seen = new Set<string | undefined>();
  connection.listen(({ id }) => seen.add(id));
  await connection.listening();
  const define = async () => {
    const uuid = randomUUID();
    const xml = `<domain type='qemu'><name>${uuid}</name><uuid>${uuid}</uuid><memory>1024</memory><os><type>hvm</type></os></domain>`;
    await connection.run('define', async (session) => {
      const domain = await session.check(libvirt().defineDomain(session.connection, xml));
      await session.check(libvirt().undefine(domain, 0));
      libvirt().freeDomain(domain);
    });
    return uuid;
  };
  const first = await define();
  await until(t, 'the event came', () => seen.has(first));
  await daemon.kill();
  await daemon.start();
  await until(t, 'the connection is back', () => seen.has(undefined));
  const second = await define();
  await until(t, 'the event came', () => seen.has(second));
  t.pass();
});

test.serial(
  'a call to a libvirtd that hangs fails at its time limit, and others work when it has recovered',
  async (t) => {
    const daemon = await privateLibvirtd(t);
    const connection = daemon.connect();
    await version(connection);
    await daemon.signal('SIGSTOP');
    await t.throwsAsync(version(connection, 1), { instanceOf: Unavailable, message: /1 s/ });
    await daemon.signal('SIGCONT');
    t.true((await version(connection)) > 1_000_000);
  },
);

test.serial('a libvirtd that hangs is given up on by itself', async (t) => {
  const daemon = await privateLibvirtd(t);
  const connection = daemon.connect({ keepAliveSeconds: 1 });
  await version(connection);
  await daemon.signal('SIGSTOP');
  const error = await t.throwsAsync(version(connection, 60));
  t.notRegex(error?.message ?? '', /60 s/);
  await daemon.signal('SIGCONT');
});

test.serial('a process ends by itself once its connection is closed, whatever became of libvirtd', async (t) => {
  const daemon = await privateLibvirtd(t);
  const program = (uri: string) => `
    import { LibvirtConnection } from ${JSON.stringify(import.meta.resolve('./connection.ts'))};
    import { libvirt } from ${JSON.stringify(import.meta.resolve('./library.ts'))};
    const connection = new LibvirtConnection({ uri: ${JSON.stringify(uri)} });
    connection.listen(() => {});
    await connection.listening();
    await connection.run('tell its version', (session) => libvirt().version(session.connection)).catch(() => {});
    process.stdout.write('ready');
    await new Promise((resolve) => process.stdin.once('data', resolve).once('end', resolve));
    process.stdin.destroy();
    await connection.close();
    process.stdout.write(' closed');`;
  const open = async (uri: string) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program(uri)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    await until(t, 'the process is ready', () => output.includes('ready'));
    return async () => {
      const ended = once(child, 'exit');
      child.stdin.end();
      const [code] = await ended;
      return { code, output };
    };
  };
  const whole = { code: 0, output: 'ready closed' };
  t.deepEqual(await (await open(daemon.uri))(), whole);
  t.deepEqual(await (await open('qemu+unix:///session?socket=/nonexistent'))(), whole);
  const end = await open(daemon.uri);
  await daemon.kill();
  t.deepEqual(await end(), whole);
});
