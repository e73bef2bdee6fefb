import { isIP, isIPv4 } from 'node:net';

/** A network prefix with its address part as a number. */
export interface Cidr {
  version: 4 | 6;
  first: bigint;
  last: bigint;
  prefixLength: number;
}

/** Bits of an address of a version. */
const widths = { 4: 32, 6: 128 } as const;

/** The number behind an address; undefined when the text is none. Zone suffixes (`%eth0`) are none. */
export function parseAddress(text: string): { version: 4 | 6; value: bigint } | undefined {
  if (isIPv4(text)) return { version: 4, value: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
  if (isIP(text) !== 6 || text.includes('%')) return undefined;
  const [head = '', tail] = withoutDots(text).split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = tail === undefined ? [] : Array<bigint>(8 - left.length - right.length).fill(0n);
  return { version: 6, value: [...left, ...zeros, ...right].reduce((sum, group) => sum * 65536n + group, 0n) };
}

function groups(text: string): bigint[] {
  return text === '' ? [] : text.split(':').map((group) => BigInt(`0x${group}`));
}

/** `::ffff:1.2.3.4` with its last 32 bits as two groups. */
function withoutDots(text: string): string {
  const at = text.lastIndexOf(':') + 1;
  const dotted = parseAddress4(text.slice(at));
  if (dotted === undefined) return text;
  return `${text.slice(0, at)}${(dotted >> 16n).toString(16)}:${(dotted & 0xffffn).toString(16)}`;
}

function parseAddress4(text: string): bigint | undefined {
  return isIPv4(text) ? parseAddress(text)?.value : undefined;
}

/** IPv4 in dots; IPv6 is not written by us. */
export function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 255n)).join('.');
}

/** Reads `address/length` and clears the bits behind the prefix; undefined when it is none. A bare address has full length. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length, rest] = text.split('/');
  const parsed = parseAddress(address);
  if (!parsed || rest !== undefined || (length !== undefined && !/^\d{1,3}$/.test(length))) return undefined;
  const width = widths[parsed.version];
  const prefixLength = length === undefined ? width : Number(length);
  if (prefixLength > width) return undefined;
  const size = 1n << BigInt(width - prefixLength);
  const first = (parsed.value / size) * size;
  return { version: parsed.version, first, last: first + size - 1n, prefixLength };
}

export function formatCidr4({ first, prefixLength }: Cidr): string {
  return `${formatIpv4(first)}/${prefixLength}`;
}

export function contains(cidr: Cidr, address: string): boolean {
  const parsed = parseAddress(address);
  return parsed?.version === cidr.version && parsed.value >= cidr.first && parsed.value <= cidr.last;
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.version === b.version && a.first <= b.last && b.first <= a.last;
}

/** First and last address that a guest may have: without the network's own and the broadcast one, where there are such. */
export function usable(cidr: Cidr): { first: bigint; last: bigint } {
  const small = cidr.version === 4 && cidr.prefixLength >= 31;
  return small ? { first: cidr.first, last: cidr.last } : { first: cidr.first + 1n, last: cidr.last - 1n };
}

export interface Pool {
  start: string;
  end: string;
}

/** All usable addresses but the gateway's, as one pool or the two around it: what Neutron makes when none are given. */
export function defaultPools(cidr: Cidr, gateway: string | null): Pool[] {
  const { first, last } = usable(cidr);
  const hole = gateway === null ? undefined : parseAddress(gateway)?.value;
  const ranges =
    hole === undefined || hole < first || hole > last
      ? [[first, last]]
      : [
          [first, hole - 1n],
          [hole + 1n, last],
        ];
  return ranges
    .filter(([start = 0n, end = 0n]) => start <= end)
    .map(([start = 0n, end = 0n]) => ({ start: formatIpv4(start), end: formatIpv4(end) }));
}
