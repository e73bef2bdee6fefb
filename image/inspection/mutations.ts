/** Test data: images with bytes changed at random, repeatable by a seed. */
import { crc32c } from './crc32c.ts';

export type Random = (below: number) => number;

/** A small generator of numbers (mulberry32). */
export function randomFrom(start: number): Random {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Bytes, and numbers, that break parsers more often than chance does. */
const bytesThatBreak = [0, 1, 0x7f, 0x80, 0xff];
const numbersThatBreak = [0n, 1n, 2n, 512n, 4096n, 65536n, 2n ** 20n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 40n, 2n ** 63n];

/** Up to `most` places changed, half of the time with checksums made right again, or nothing behind them would be reached. */
export function mutate(image: Buffer, random: Random, most = 8): Buffer {
  const bytes = Buffer.from(image);
  const areas = [128, 512, 2048, 70_000, bytes.length];
  for (let count = random(most + 1); count > 0 && bytes.length > 16; count--) {
    const at = random(Math.min(areas[random(areas.length)]!, bytes.length - 8));
    const kind = random(3);
    if (kind === 0) bytes.fill(bytesThatBreak[random(bytesThatBreak.length)]!, at, at + 1 + random(8));
    else if (kind === 1) bytes.fill(random(256), at, at + 1 + random(8));
    else writeNumber(bytes, at - (at % 4), random);
  }
  if (random(2) === 0) sign(bytes);
  if (random(2) === 0 && bytes.length > 512 + descriptorBytes && bytes.toString('latin1', 0, 4) === 'KDMV')
    changeDescriptor(bytes, random);
  return bytes;
}

/** Where qemu-img puts the descriptor of a VMDK, right behind the header. */
const descriptorBytes = 20 * 512;
const wordsThatBreak = [
  ...[
    'parentFileNameHint="/etc/passwd"',
    'changeTrackPath="x"',
    'createType="monolithicFlat"',
    'RW 1 FLAT "/etc/passwd" 0',
  ],
  ...[
    'CID=',
    'parentCID=12345678',
    'ddb.a = "',
    'version=1',
    '# a comment',
    '#',
    '"',
    '=',
    '\n',
    '\r',
    '\0',
    '\t',
    '\x0b',
    '\x85',
  ],
];

/** QEMU finds its words anywhere in this text, lines or not. */
function changeDescriptor(bytes: Buffer, random: Random): void {
  const area = bytes.subarray(512, 512 + descriptorBytes);
  const text = area.toString('latin1').split('\0', 1)[0]!;
  const at = random(2) === 0 ? random(text.length + 1) : text.indexOf('\n', random(text.length + 1)) + 1;
  const word = `${wordsThatBreak[random(wordsThatBreak.length)]}${random(2) === 0 ? '\n' : ''}`;
  area.fill(0).write(text.slice(0, at) + word + text.slice(at + (random(4) === 0 ? random(20) : 0)), 'latin1');
}

/** A field of a header as specifications have them, of two to eight bytes in either order: something absurd, or next to what it was. */
function writeNumber(bytes: Buffer, at: number, random: Random): void {
  const width = [2, 4, 8][random(3)]!;
  const isBig = random(2) === 0;
  const field = Buffer.from(bytes.subarray(at, at + width));
  const before = BigInt(`0x${(isBig ? field : field.reverse()).toString('hex')}`);
  const near = before + [1n, -1n, 512n, before][random(4)]!;
  const value = BigInt.asUintN(width * 8, random(2) === 0 ? near : numbersThatBreak[random(numbersThatBreak.length)]!);
  const written = Buffer.from(value.toString(16).padStart(width * 2, '0'), 'hex');
  (isBig ? written : written.reverse()).copy(bytes, at);
}

function sign(bytes: Buffer): void {
  if (bytes.toString('latin1', 0, 8) === 'vhdxfile') signVhdx(bytes);
  else if (bytes.length > 2048 && bytes.toString('latin1', 0, 8) === 'conectix') signVhd(bytes);
}

function signVhdx(bytes: Buffer): void {
  for (const [at, length] of [
    [65536, 4096],
    [131072, 4096],
    [196608, 65536],
    [262144, 65536],
  ] as const) {
    if (bytes.length >= at + length) bytes.writeUInt32LE(crc32c(bytes.subarray(at, at + length), 4), at + 4);
  }
  if (bytes.length >= 327680) bytes.copy(bytes, 262144, 196608, 262144); // both region tables say the same
}

/** The checksums of a dynamic VHD's footer and header; the footer stands at both ends. */
function signVhd(bytes: Buffer): void {
  for (const [from, to, at] of [
    [0, 512, 64],
    [512, 1536, 512 + 36],
  ] as const) {
    bytes.writeUInt32BE(0, at);
    bytes.writeUInt32BE(~bytes.subarray(from, to).reduce((sum, byte) => sum + byte, 0) >>> 0, at);
  }
  bytes.copy(bytes, bytes.length - 512, 0, 512);
}
