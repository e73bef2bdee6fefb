/**
 * Addresses as network drivers may write them into an engine: parsed, and written again from what was parsed, so that nothing
 * but an address ever gets through. Every function throws `PermanentFailure` on anything else.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { PermanentFailure } from '../../common/errors.ts';

export type IpVersion = 4 | 6;

export interface IpAddress {
  version: IpVersion;
  /** As a number: 32 or 128 bits. */
  value: bigint;
  /** Canonical text (RFC 5952 for IPv6). */
  text: string;
}

export interface Cidr {
  version: IpVersion;
  /** The first address; host bits that were given are gone. */
  network: IpAddress;
  prefixLength: number;
  /** `network/prefixLength` */
  text: string;
}

const WIDTH = { 4: 32, 6: 128 } as const;

export function parseAddress(text: string): IpAddress {
  if (isIPv4(text)) return addressOf(4, digits(text.split('.'), 10, 8));
  // A zone (fe80::1%eth0) means something on one host only.
  if (isIPv6(text) && !text.includes('%')) return addressOf(6, ipv6Value(text));
  throw new PermanentFailure(`"${text}" is not an IP address.`);
}

/** Also takes a bare address, as a network of one. */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const width = WIDTH[address.version];
  const length = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(length) || Number(length) > width) throw new PermanentFailure(`"${text}" is not a CIDR.`);
  const prefixLength = Number(length);
  const hostBits = BigInt(width - prefixLength);
  const network = addressOf(address.version, (address.value >> hostBits) << hostBits);
  return { version: address.version, network, prefixLength, text: `${network.text}/${prefixLength}` };
}

export function contains(cidr: Cidr, address: IpAddress): boolean {
  const hostBits = BigInt(WIDTH[cidr.version] - cidr.prefixLength);
  return cidr.version === address.version && cidr.network.value >> hostBits === address.value >> hostBits;
}

/** A unicast MAC address, in lower case. */
export function parseMac(text: string): string {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(text) || Number.parseInt(text.slice(0, 2), 16) % 2 === 1) {
    throw new PermanentFailure(`"${text}" is not the MAC address of one interface.`);
  }
  return text.toLowerCase();
}

/** In lower case, with dashes. */
export function parseUuid(text: string): string {
  if (!/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(text)) {
    throw new PermanentFailure(`"${text}" is not a UUID.`);
  }
  return text.toLowerCase();
}

function addressOf(version: IpVersion, value: bigint): IpAddress {
  if (version === 4) {
    const bytes = [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn);
    return { version, value, text: bytes.join('.') };
  }
  const groups = Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16));
  return { version, value, text: new SocketAddress({ family: 'ipv6', address: groups.join(':') }).address };
}

function ipv6Value(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const tail = digits(dotted[2]!.split('.'), 10, 8);
    return ipv6Value(`${dotted[1]}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`);
  }
  const [head = '', tail] = text.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return digits([...before, ...zeros, ...after], 16, 16);
}

const digits = (parts: string[], radix: number, bits: number): bigint =>
  parts.reduce((value, part) => (value << BigInt(bits)) | BigInt(Number.parseInt(part, radix)), 0n);
