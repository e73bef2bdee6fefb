import { type Reading, read } from '../reader.ts';

const block = 512;
const maximumNameBytes = 4096;
const maximumExtensionBytes = 64 * 1024;

export type EntryKind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';

export interface Entry {
  kind: EntryKind;
  name: string;
  linkName: string;
  sizeBytes: number;
  /** Where its data begins in the stream. */
  dataOffset: number;
}

/** Where the next header stands, behind an entry's data. */
export const behind = (entry: { dataOffset: number; sizeBytes: number }) =>
  entry.dataOffset + Math.ceil(entry.sizeBytes / block) * block;

/** Whether the first block of data can be a tar header at all: POSIX or GNU, with the right checksum. */
export function isHeader(bytes: Buffer): boolean {
  if (bytes.length < block || bytes.toString('latin1', 257, 262) !== 'ustar') return false;
  const sum = bytes.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return parseNumber(bytes.subarray(148, 156)) === sum;
}

/**
 * The entry whose header stands at an offset, with the extended headers before it applied (POSIX.1-2001 pax, GNU long
 * names); 'end' at the blocks of zeros; else why it is refused. A header that was read already is handed in.
 */
export function* readEntry(offset: number, firstHeader?: Buffer): Reading<Entry | 'end' | { refusal: string }> {
  let at = offset;
  let name: string | undefined;
  let linkName: string | undefined;
  let sizeBytes: number | undefined;
  for (let extensions = 0; extensions <= 4; extensions++) {
    const header = extensions === 0 && firstHeader ? firstHeader : yield* read(at, block);
    if (header.length < block) return { refusal: 'its archive is cut off' };
    if (header.every((byte) => byte === 0)) return 'end';
    if (!isHeader(header)) return { refusal: 'its archive has a damaged header' };
    const size = parseNumber(header.subarray(124, 136));
    if (size === undefined) return { refusal: 'its archive has an entry without a size' };
    const type = String.fromCharCode(header[156]!);
    const dataOffset = at + block;
    if (!'xgLK'.includes(type)) {
      const isFile = type === '0' || type === '\0' || type === '7';
      return {
        kind: isFile ? 'file' : (({ '5': 'directory', '2': 'symlink', '1': 'hardlink' } as const)[type] ?? 'other'),
        name: name ?? plainName(header),
        linkName: linkName ?? text(header.subarray(157, 257)),
        sizeBytes: isFile ? (sizeBytes ?? size) : 0,
        dataOffset,
      };
    }
    if (size === 0 || size > maximumExtensionBytes) return { refusal: 'its archive has an absurd extended header' };
    const bytes = yield* read(dataOffset, size);
    if (bytes.length < size) return { refusal: 'its archive is cut off' };
    if (type === 'L') name = text(bytes);
    else if (type === 'K') linkName = text(bytes);
    else {
      const records = parsePax(bytes);
      if (records === undefined) return { refusal: 'its archive has a damaged extended header' };
      const wanted = type === 'x' ? records : new Map<string, string>(); // a global one names no single entry
      if (type === 'g' && ['path', 'linkpath', 'size'].some((key) => records.has(key))) {
        return { refusal: 'its archive renames all its entries' };
      }
      name = wanted.get('path') ?? name;
      linkName = wanted.get('linkpath') ?? linkName;
      if (wanted.has('size')) sizeBytes = Number(wanted.get('size'));
      if (sizeBytes !== undefined && !Number.isSafeInteger(sizeBytes))
        return { refusal: 'its archive has an absurd entry' };
      if ([...records.keys()].some((key) => key.startsWith('GNU.sparse'))) return { refusal: 'its archive is sparse' };
    }
    at = behind({ dataOffset, sizeBytes: size });
  }
  return { refusal: 'its archive has too many extended headers' };
}

/** Octal digits, or GNU's base 256 for what does not fit. */
function parseNumber(field: Buffer): number | undefined {
  if (field[0] === 0x80) {
    const value = Number(BigInt(`0x${field.subarray(1).toString('hex')}`));
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = text(field).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

const text = (field: Buffer) => field.toString('utf8').split('\0', 1)[0]!.slice(0, maximumNameBytes);

function plainName(header: Buffer): string {
  const name = text(header.subarray(0, 100));
  const isPosix = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? text(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Records of the form "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
function parsePax(bytes: Buffer): Map<string, string> | undefined {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const match = /^(\d{1,6}) ([^=\n]+)=/.exec(bytes.toString('utf8', at, at + 512));
    const length = Number(match?.[1]);
    if (match === null || bytes[at + length - 1] !== 0x0a) return undefined;
    const prefix = Buffer.byteLength(match[0]);
    if (length <= prefix) return undefined;
    records.set(match[2]!, bytes.toString('utf8', at + prefix, at + length - 1));
    at += length;
  }
  return records;
}
