/**
 * All files of a guest are in one directory named by its id. It belongs to root, and QEMU's user may pass through it and
 * not write: who breaks out of a guest cannot plant a link where we or virtlogd write next. Files appear under their name
 * only when they are whole.
 */
import { randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PermanentFailure } from '../../../common/errors.ts';
import { isUuid } from '../../../common/ids.ts';
import type { LocalDisk, ServerSpec } from '../driver.ts';
import type { GuestFiles } from './domain-xml.ts';

/** Whom libvirt runs QEMU as. */
export interface QemuUser {
  uid: number;
  gid: number;
}

const temporaryPrefix = 'new-';
/** Retried because a program of a predecessor that was just killed may still put a file in. */
const removeAll = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 };

export class GuestDirectory {
  readonly path: string;

  /** Touches nothing. */
  constructor(guestsDirectory: string, id: string) {
    if (!isUuid(id)) throw new PermanentFailure(`${JSON.stringify(id)} is not the id of a server.`);
    this.path = join(guestsDirectory, id);
  }

  /** Of the root disk with that number. */
  diskPath(number: number): string {
    return join(this.path, number === 1 ? 'disk.qcow2' : `disk-${number}.qcow2`);
  }

  get rescueDiskPath(): string {
    return join(this.path, 'rescue.qcow2');
  }

  get configDrivePath(): string {
    return join(this.path, 'config.iso');
  }

  get consolePath(): string {
    return join(this.path, 'console.log');
  }

  /** Made by libvirt when the guest starts; who breaks out of another guest must not come in here. */
  get serialPath(): string {
    return join(this.path, 'serial.sock');
  }

  /** Sockets of a guest on its way between hosts. */
  get passagePath(): string {
    return join(this.path, 'way');
  }

  get #tapsPath(): string {
    return join(this.path, 'taps.json');
  }

  /** Of the disks that came with the root disk of that number. */
  localDiskPaths(disks: readonly LocalDisk[], rootDisk: number): string[] {
    return disks.map(({ kind }, i) =>
      join(this.path, kind === 'swap' ? `swap-${rootDisk}.raw` : `ephemeral-${rootDisk}-${i}.raw`),
    );
  }

  files({
    rootDisk,
    configDrive,
    localDisks = [],
  }: Pick<ServerSpec, 'rootDisk' | 'configDrive' | 'localDisks'>): GuestFiles {
    return {
      disk: this.diskPath(rootDisk),
      rescueDisk: this.rescueDiskPath,
      localDisks: this.localDiskPaths(localDisks, rootDisk),
      configDrive: configDrive === null ? null : this.configDrivePath,
      console: this.consolePath,
      serial: this.serialPath,
    };
  }

  /** Makes the directory, and clears what an interrupted attempt left in it. */
  async prepare(qemu: QemuUser): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o711 });
    await chown(this.path, 0, qemu.gid);
    await chmod(this.path, 0o710);
    for (const name of await readdir(this.path)) {
      if (name.startsWith(temporaryPrefix)) await rm(join(this.path, name), removeAll);
    }
  }

  /** Removes the disks that a server as specified has no use for; nobody may be using them. */
  async removeOtherDisks(spec: Pick<ServerSpec, 'rootDisk' | 'rootDiskCopiedFrom' | 'rescueImage'>): Promise<void> {
    const wanted = [this.diskPath(spec.rootDisk)];
    if (spec.rootDiskCopiedFrom !== null) wanted.push(this.diskPath(spec.rootDiskCopiedFrom));
    if (spec.rescueImage !== null) wanted.push(this.rescueDiskPath);
    const numbers = [spec.rootDisk, spec.rootDiskCopiedFrom];
    for (const name of await readdir(this.path)) {
      const isDisk = /^(disk(-\d+)?|rescue)\.qcow2$/.test(name);
      const cameWith = /^(?:ephemeral-(\d+)-\d+|swap-(\d+))\.raw$/.exec(name);
      const isOther = isDisk
        ? !wanted.includes(join(this.path, name))
        : cameWith !== null && !numbers.includes(Number(cameWith[1] ?? cameWith[2]));
      if (isOther) await rm(join(this.path, name), removeAll);
    }
  }

  /** Has `make` write a file elsewhere and puts it in place: at once, safe on the disk, owned by QEMU's user. */
  async replace(path: string, qemu: QemuUser, make: (temporaryPath: string) => Promise<void>): Promise<void> {
    await this.withScratch(async (scratch) => {
      const temporary = join(scratch, basename(path));
      await make(temporary);
      const file = await open(temporary, 'r');
      try {
        await file.chmod(0o600);
        await file.chown(qemu.uid, qemu.gid);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      const directory = await open(this.path, 'r');
      await directory.sync().finally(() => directory.close());
    });
  }

  /**
   * A directory for what is being made, removed afterwards, or by `prepare` if we die before. Who still writes into it
   * then finds it gone: nothing appears that nobody would clear.
   */
  async withScratch(work: (scratch: string) => Promise<void>): Promise<void> {
    const scratch = join(this.path, `${temporaryPrefix}${randomUUID()}`);
    await mkdir(scratch, { mode: 0o700 });
    try {
      await work(scratch);
    } finally {
      await rm(scratch, removeAll);
    }
  }

  /** The taps that the guest may have got, so that they can be taken from Open vSwitch whatever became of its domain. */
  async recordedTaps(): Promise<string[]> {
    try {
      const taps: unknown = JSON.parse(await readFile(this.#tapsPath, 'utf8'));
      return Array.isArray(taps) ? taps.filter((tap) => /^tap[0-9a-f-]{1,12}$/.test(tap)) : [];
    } catch {
      return []; // not made yet
    }
  }

  async recordTaps(taps: string[], qemu: QemuUser): Promise<void> {
    await this.replace(this.#tapsPath, { uid: 0, gid: qemu.gid }, async (temporary) => {
      const file = await open(temporary, 'wx', 0o600);
      await file.writeFile(JSON.stringify(taps));
      await file.close();
    });
  }

  async remove(): Promise<void> {
    await rm(this.path, removeAll);
  }
}
