/**
 * The config drive: an ISO 9660 file system labelled `config-2`, with Joliet and Rock Ridge names, as cloud-init and every
 * other guest agent look for it. https://docs.openstack.org/nova/latest/admin/config-drive.html
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PermanentFailure } from '../../../common/errors.ts';
import type { GuestDirectory, QemuUser } from './guest-directory.ts';
import { runTool } from './tools.ts';

const largestBytes = 64 * 1024 * 1024;
/** Depth 8 is ISO 9660's, 64 characters are Joliet's. */
const pathForm = /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,63}\/){0,7}[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Writes the drive anew, or removes it when there are no files. @throws PermanentFailure for a path that is none. */
export async function writeConfigDrive(
  directory: GuestDirectory,
  files: Record<string, string | Uint8Array> | null,
  qemu: QemuUser,
): Promise<void> {
  if (files === null) return rm(directory.configDrivePath, { force: true });
  await directory.withScratch(async (parts) => {
    await layOut(parts, Object.entries(files));
    await directory.replace(directory.configDrivePath, qemu, async (temporary) => {
      const options = ['-quiet', '-J', '-joliet-long', '-r', '-V', 'config-2', '-input-charset', 'utf-8'];
      await runTool('make the config drive', 'genisoimage', [...options, '-o', temporary, parts]);
    });
  });
}

async function layOut(root: string, files: [path: string, content: string | Uint8Array][]): Promise<void> {
  let bytes = 0;
  for (const [path, content] of files) {
    if (!pathForm.test(path)) throw new PermanentFailure(`${JSON.stringify(path)} cannot be a path on a config drive.`);
    bytes += Buffer.byteLength(content);
    if (bytes > largestBytes) throw new PermanentFailure('The config drive would be larger than 64 MiB.');
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), content, { flag: 'wx' });
  }
}
