/**
 * A root disk as one file of its own. Of a guest that runs QEMU copies it as it is at the moment it begins, while the guest goes
 * on; otherwise qemu-img does. The file appears under its name only when it is whole.
 */
import { createReadStream } from 'node:fs';
import { chmod, chown, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { PermanentFailure, Unavailable } from '../../../common/errors.ts';
import { isUuid } from '../../../common/ids.ts';
import type { Machine, ServerSpec } from '../driver.ts';
import { virtualSize } from './disk-header.ts';
import { exists } from './disks.ts';
import { type Domains, isActive } from './domains.ts';
import { thawLeftFrozen, whileFrozen } from './guest-agent.ts';
import type { GuestDirectory, QemuUser } from './guest-directory.ts';
import { domainJob, libvirt } from './library.ts';
import { rootTarget } from './machine.ts';
import { runTool } from './tools.ts';
import { element, writeXml } from './xml.ts';

const copySeconds = 3600;
const lookAgainMs = 200;

export interface SnapshotTools {
  domains: Domains;
  directory: GuestDirectory;
  qemu: QemuUser;
}

export async function openSnapshot(
  tools: SnapshotTools,
  spec: ServerSpec,
  name: string,
  signal: AbortSignal,
): Promise<Readable> {
  const path = snapshotPath(tools.directory, name);
  if (!(await exists(path))) await takeSnapshot(tools, spec, path, signal);
  return createReadStream(path);
}

export async function dropSnapshot(
  { domains, directory }: Omit<SnapshotTools, 'qemu'>,
  id: string,
  name: string,
): Promise<void> {
  await thawLeftFrozen(domains, directory, id);
  await rm(snapshotPath(directory, name), { force: true });
}

function snapshotPath(directory: GuestDirectory, name: string): string {
  if (!isUuid(name)) throw new PermanentFailure(`${JSON.stringify(name)} is not the id of an image.`);
  return join(directory.path, `snapshot-${name}.qcow2`);
}

async function takeSnapshot(
  { domains, directory, qemu }: SnapshotTools,
  spec: ServerSpec,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const disk = directory.diskPath(spec.rootDisk);
  if (!(await exists(disk))) throw new PermanentFailure('The disk of the server is gone from its host.');
  if (!isActive(await domains.observe(spec.id))) {
    return directory.replace(path, qemu, async (temporary) => {
      const formats = ['-f', 'qcow2', '-O', 'qcow2'];
      await runTool('copy the disk', 'qemu-img', ['convert', '-q', ...formats, disk, temporary], copySeconds);
    });
  }
  // Beside the scratch directories, as those are not for QEMU to pass; what is left of it is cleared with them.
  const unfinished = join(directory.path, `new-${path.slice(directory.path.length + 1)}`);
  await rm(unfinished, { force: true });
  const size = String(await virtualSize(disk, 'qcow2'));
  await runTool('make the copy of the disk', 'qemu-img', ['create', '-q', '-f', 'qcow2', unfinished, size]);
  await chmod(unfinished, 0o600);
  await chown(unfinished, qemu.uid, qemu.gid);
  await copyWhileRunning(domains, directory, spec, unfinished, signal);
  await rename(unfinished, path);
}

async function copyWhileRunning(
  domains: Domains,
  directory: GuestDirectory,
  spec: ServerSpec,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { id } = spec;
  const job = () =>
    domains.on(id, `copy the disk of server ${id}`, async ({ check }, domain) => check(libvirt().job(domain)));
  const abort = () =>
    domains.on(id, `copy the disk of server ${id}`, async (_session, domain) => libvirt().abortJob(domain));
  // One that a predecessor of ours began, and nobody waits for any more.
  while ((await job())?.isUnderWay) {
    await abort();
    await sleep(lookAgainMs);
  }
  const begin = () =>
    domains.on(id, `copy the disk of server ${id}`, async ({ check }, domain) => {
      await check(libvirt().beginBackup(domain, backupXml(path, spec.machine ?? {})));
      return true;
    });
  // The copy is of the moment at which it begins: from then on the guest may write again.
  const begun = await whileFrozen(domains, directory, spec, begin);
  if (!begun) throw new Unavailable('The server is not there to be copied.');
  for (;;) {
    if (signal.aborted) {
      await abort();
      throw new Unavailable('The copy of the disk was broken off.');
    }
    const state = await job();
    if (state === undefined) throw new Unavailable('The server went while its disk was copied.');
    if (!state.isUnderWay) {
      if (state.lastEnded === domainJob.completed) return;
      throw new Unavailable('The server ended while its disk was copied.');
    }
    await sleep(lookAgainMs);
  }
}

/** Of the root disk alone, into a file that was made before. */
function backupXml(path: string, machine: Machine): string {
  return writeXml(
    element('domainbackup', { mode: 'push' }, [
      element('disks', {}, [
        element('disk', { name: rootTarget(machine), backup: 'yes', type: 'file' }, [
          element('driver', { type: 'qcow2' }),
          element('target', { file: path }),
        ]),
      ]),
    ]),
  );
}
