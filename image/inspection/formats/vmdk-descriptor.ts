import { firstRefusal } from '../reader.ts';

/** What a descriptor may say about a disk in one file; any other key could name another file, so it is refused. */
const knownKeys = new Set(['version', 'encoding', 'cid', 'parentcid', 'isnativesnapshot', 'createtype']);
const noParent = 'ffffffff';
const singleFileTypes = new Set(['monolithicsparse', 'streamoptimized']);

/** Whether QEMU would take text for a VMDK descriptor: comments and blank lines, then a version (vmdk_probe in block/vmdk.c). */
export function looksLikeDescriptor(text: string): boolean {
  if (/^\s*#\s*disk\s+descriptorfile/i.test(text)) return true;
  const lines = text.split('\n').map((line) => line.trim());
  const first = lines.find((line) => line !== '' && !line.startsWith('#'));
  return first !== undefined && /^version\s*=/i.test(first);
}

/** Why an embedded descriptor is refused, or null: one sparse extent, without a path, parent or change-tracking file. */
export function descriptorRefusal(text: string): string | null {
  const entries = new Map<string, string>();
  const extents: string[] = [];
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('#') || /^ddb\.[\w.]+\s*=/i.test(line)) continue;
    const entry = /^(\w+)\s*=\s*"?([^"]*)"?$/.exec(line);
    if (/^(rw|rdonly|noaccess)\s/i.test(line)) extents.push(line);
    else if (entry === null) return 'its VMDK descriptor has a line that is not understood';
    else {
      const key = entry[1]!.toLowerCase();
      if (!knownKeys.has(key)) return 'its VMDK descriptor has a setting that is not understood or names another file';
      if (entries.has(key)) return 'its VMDK descriptor says something twice';
      entries.set(key, entry[2]!.toLowerCase());
    }
  }
  const type = entries.get('createtype');
  return firstRefusal([
    [
      type === undefined || !singleFileTypes.has(type),
      'only the VMDK types monolithicSparse and streamOptimized, which are one file, are accepted',
    ],
    [(entries.get('parentcid') ?? noParent) !== noParent, 'its VMDK descriptor names a parent'],
    [extents.length !== 1, 'its VMDK descriptor does not have exactly one extent'],
    [
      !/^(rw|rdonly)\s+\d+\s+sparse\s+"[^"/\\]*"$/i.test(extents[0] ?? ''),
      'the extent of its VMDK descriptor could name another file',
    ],
  ]);
}
