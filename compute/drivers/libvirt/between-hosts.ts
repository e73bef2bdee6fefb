/**
 * Running guests on their way between hosts. libvirtd talks to the other libvirtd, QEMU to the other QEMU, and disks go by NBD:
 * three sockets on this host that lead through our own road to the same three of the other host. libvirtd listens to no
 * network for that. Both hosts keep guests under the same path, by which both QEMUs name their sockets.
 */
import { chmod, chown, lstat, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Conflict, Unavailable } from '../../../common/errors.ts';
import type { Passage } from '../driver.ts';
import type { Domains } from './domains.ts';
import type { GuestDirectory, QemuUser } from './guest-directory.ts';
import { libvirt } from './library.ts';

/** Of the daemon; the other two are QEMU's. */
const channels = ['libvirt', 'qemu', 'nbd'] as const;
type Channel = (typeof channels)[number];

/** However long it takes; who waits can call it off. */
const longestSeconds = 7 * 24 * 3600;
const progressMs = 500;

interface Ends {
  domains: Domains;
  directory: GuestDirectory;
  qemu: QemuUser;
}

function socketPath(directory: GuestDirectory, channel: Channel): string {
  return join(directory.passagePath, channel);
}

/** Where QEMU makes its sockets: nothing else is in there, and it is taken from QEMU before we go in. */
export async function openPassage(directory: GuestDirectory, qemu: QemuUser): Promise<void> {
  await rm(directory.passagePath, { recursive: true, force: true });
  await mkdir(directory.passagePath, { mode: 0o700 });
  await chown(directory.passagePath, qemu.uid, qemu.gid);
}

/** Connects to what the host that a guest leaves wants to talk to. @throws Conflict when nothing of that name waits here. */
export async function acceptArrival({ directory, qemu }: Ends, channel: string, daemonSocket: string): Promise<Duplex> {
  if (!(channels as readonly string[]).includes(channel)) throw new Conflict(`There is no channel ${channel}.`);
  if (channel === 'libvirt') return connected(daemonSocket);
  const path = socketPath(directory, channel as Channel);
  // From here on QEMU's user cannot put anything else there, such as a link to the daemon's socket.
  await chown(directory.passagePath, 0, qemu.gid);
  await chmod(directory.passagePath, 0o710);
  const socket = await lstat(path).catch(() => undefined);
  if (socket === undefined || !socket.isSocket() || socket.uid !== qemu.uid)
    throw new Conflict(`Nothing of the server listens to ${channel}.`);
  return connected(path);
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (cause) => reject(new Unavailable('The host does not let the server in.', { cause })));
    socket.on('error', () => {});
  });
}

/** See `ServerDriver.migrate`. */
export async function migrate(ends: Ends, id: string, passage: Passage): Promise<void> {
  const { domains, directory, qemu } = ends;
  await openPassage(directory, qemu);
  await chown(directory.passagePath, 0, qemu.gid);
  await chmod(directory.passagePath, 0o710);
  const servers = await Promise.all(channels.map((channel) => lead(directory, qemu, channel, passage)));
  try {
    passage.signal.throwIfAborted();
    const watch = watchJob(domains, id, passage);
    try {
      const begun = await domains.on(
        id,
        `let server ${id} go`,
        async ({ check }, domain) => {
          const to = `qemu+unix:///system?socket=${socketPath(directory, 'libvirt')}`;
          const [memory, disks] = (['qemu', 'nbd'] as const).map((one) => `unix://${socketPath(directory, one)}`);
          await check(libvirt().migrate(domain, to, { migrate_uri: memory as string, disks_uri: disks as string }));
          return true;
        },
        longestSeconds,
      );
      if (begun === undefined) throw new Unavailable('The server is not there to go.');
    } catch (error) {
      if (passage.signal.aborted) throw passage.signal.reason;
      throw error;
    } finally {
      await watch.stop();
    }
  } finally {
    for (const server of servers) server.close();
    await rm(directory.passagePath, { recursive: true, force: true });
  }
}

/** One of this host's sockets: whoever connects to it is on the other host. */
async function lead(
  directory: GuestDirectory,
  qemu: QemuUser,
  channel: Channel,
  { connect: to }: Passage,
): Promise<Server> {
  const path = socketPath(directory, channel);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (near) => {
    near.on('error', () => {});
    to(channel).then(
      (far) => {
        bridge(near, far);
        near.resume();
      },
      () => near.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, () => resolve());
  });
  // The one to the other daemon is our own daemon's, which is root: whoever breaks out of a guest would be root over there.
  if (channel !== 'libvirt') await chown(path, qemu.uid, qemu.gid);
  await chmod(path, 0o600);
  return server;
}

function bridge(near: Duplex, far: Duplex): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}

function watchJob(domains: Domains, id: string, { signal, onProgress }: Passage) {
  let isOver = false;
  const watching = (async () => {
    for (;;) {
      await sleep(progressMs);
      if (isOver) return;
      try {
        if (signal.aborted) await abortJob(domains, id);
        const progress = await domains.on(id, `look after server ${id}`, async (_session, domain) =>
          libvirt().migrationProgress(domain),
        );
        if (progress) onProgress(progress);
      } catch {
        // it ended just now, or libvirtd is away: whoever migrates it is told
      }
    }
  })();
  return {
    async stop() {
      isOver = true;
      await watching;
    },
  };
}

/** Waits until there is none. */
export async function abortMigration(domains: Domains, id: string): Promise<void> {
  for (;;) {
    const job = await domains.on(id, `look after server ${id}`, async ({ check }, domain) =>
      check(libvirt().job(domain)),
    );
    if (job === undefined || !job.isUnderWay) return;
    await abortJob(domains, id);
    await sleep(progressMs);
  }
}

async function abortJob(domains: Domains, id: string): Promise<void> {
  await domains.on(id, `call off what is done to server ${id}`, async (_session, domain) => libvirt().abortJob(domain));
}

/** Whoever waits for memory to be copied while nothing writes to it does not wait for ever. */
export async function forceMigration(domains: Domains, id: string): Promise<void> {
  await domains.on(id, `let server ${id} wait`, async ({ check }, domain) => {
    const job = await check(libvirt().job(domain));
    if (job.isUnderWay) await check(libvirt().pause(domain));
  });
}
