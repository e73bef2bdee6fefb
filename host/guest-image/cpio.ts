/** Writes the archive that Linux unpacks into its first root file system. */

export interface ArchiveEntry {
  /** Relative, without a leading slash; parents come before children. */
  path: string;
  /** Type and permissions, as in stat's st_mode. */
  mode: number;
  content?: Buffer;
  /** For a device: major and minor number. */
  device?: [number, number];
}

export const directory = (path: string, permissions = 0o755): ArchiveEntry => ({ path, mode: 0o040000 | permissions });
export const file = (path: string, content: Buffer | string, permissions = 0o644): ArchiveEntry => ({
  path,
  mode: 0o100000 | permissions,
  content: Buffer.from(content),
});
export const link = (path: string, target: string): ArchiveEntry => ({
  path,
  mode: 0o120777,
  content: Buffer.from(target),
});
export const characterDevice = (path: string, major: number, minor: number): ArchiveEntry => ({
  path,
  mode: 0o020600,
  device: [major, minor],
});

/**
 * The "newc" format of Documentation/driver-api/early-userspace/buffer-format.rst. Everything belongs to root and is of
 * 1970, so that equal entries make equal archives.
 */
export function cpio(entries: ArchiveEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const [index, entry] of [...entries, { path: 'TRAILER!!!', mode: 0 }].entries()) {
    const { path, mode, content = Buffer.alloc(0), device = [0, 0] }: ArchiveEntry = entry;
    const fields = [index + 1, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, path.length + 1, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${path}\0`;
    parts.push(padded(Buffer.from(header)), padded(content));
  }
  return Buffer.concat(parts);
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc(-content.length & 3)]);
}
