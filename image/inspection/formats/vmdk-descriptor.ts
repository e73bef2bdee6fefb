import { firstRefusal } from '../reader.ts';

/** What a descriptor may say about a disk in one file; any other key could name another file, so it is refused. */
const knownKeys = new Set(['version', 'encoding', 'cid', 'parentcid', 'isnativesnapshot', 'createtype']);
const noParent = 'ffffffff';
/**
 * QEMU looks for its settings anywhere in the text, comments included (vmdk_parent_open in block/vmdk.c), so these may stand
 * nowhere: they name other files.
 */
const namesOfFiles = /parentFileNameHint|changeTrackPath/i;
const singleFileTypes = new Set(['monolithicsparse', 'streamoptimized']);

/** Whether QEMU would take text for a VMDK descriptor: comments and blank lines, then a version (vmdk_probe in block/vmdk.c). */
export function looksLikeDescriptor(text: string): boolean {
  if (/^\s*#\s*disk\s+descriptorfile/i.test(text)) return true;
  const lines = text.split('\n').map((line) => line.trim());
  const first = lines.find((line) => line !== '' && !line.startsWith('#'));
  return first !== undefined && /^version\s*=/i.test(first);
}

const noIdentifier = 'its VMDK descriptor has no identifier';
const otherFile = 'its VMDK descriptor has a setting that is not understood or names another file';

/** One that no tool could take for a setting. */
const isComment = (line: string) => line === '' || /^#[^="]*$/.test(line);

/** Why an embedded descriptor is refused, or null: one sparse extent, without a path, parent or change-tracking file. */
export function descriptorRefusal(area: Buffer): string | null {
  const whole = area.toString('latin1');
  const [text = ''] = whole.split('\0', 1);
  // Without its end here, tools would read on behind it.
  if (text.length === whole.length) return 'its VMDK descriptor does not end';
  if (namesOfFiles.test(whole)) return otherFile;
  const entries = new Map<string, string>();
  const extents: string[] = [];
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (isComment(line) || /^ddb\.[\w.]+\s*=\s*"[^"=]*"$/i.test(line)) continue;
    const entry = /^(\w+)\s*=\s*(?:"([^"=]*)"|([^"=]*))$/.exec(line);
    if (/^(rw|rdonly|noaccess)\s/i.test(line)) extents.push(line);
    else if (entry === null) return 'its VMDK descriptor has a line that is not understood';
    else {
      const key = entry[1]!.toLowerCase();
      if (!knownKeys.has(key)) return otherFile;
      // As QEMU looks for them (vmdk_read_cid in block/vmdk.c).
      if (key.endsWith('cid') && !/^(?:parent)?CID=[0-9a-fA-F]{1,8}$/.test(line)) return noIdentifier;
      if (entries.has(key)) return 'its VMDK descriptor says something twice';
      entries.set(key, (entry[2] ?? entry[3])!.toLowerCase());
    }
  }
  const type = entries.get('createtype');
  return firstRefusal([
    [
      type === undefined || !singleFileTypes.has(type),
      'only the VMDK types monolithicSparse and streamOptimized, which are one file, are accepted',
    ],
    [!entries.has('cid'), noIdentifier],
    [entries.get('parentcid') !== noParent, 'its VMDK descriptor names a parent, or does not say that there is none'],
    [extents.length !== 1, 'its VMDK descriptor does not have exactly one extent'],
    [
      !/^(rw|rdonly)\s+\d+\s+sparse\s+"[^"/\\=]*"$/i.test(extents[0] ?? ''),
      'the extent of its VMDK descriptor could name another file',
    ],
  ]);
}
