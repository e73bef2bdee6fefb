/** Ethernet frames byte by byte, so that a test can send what no kernel would; and sending and seeing them from a guest. */
import type { Guest } from './private-ovn.ts';

const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd } as const;
const UDP = 17;
const ICMPV6 = 58;
const HOP_BY_HOP = 0;

export const ethernet = (source: string, target: string, type: keyof typeof ETHERTYPE | number, payload: Buffer) =>
  Buffer.concat([mac(target), mac(source), word(typeof type === 'number' ? type : ETHERTYPE[type]), payload]);

/** 802.1Q. */
export const vlan = (tag: number, type: keyof typeof ETHERTYPE, payload: Buffer) =>
  Buffer.concat([word(tag), word(ETHERTYPE[type]), payload]);

export function arp(
  kind: 'request' | 'reply',
  sender: { mac: string; ip: string },
  target: { mac: string; ip: string },
) {
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, kind === 'request' ? 1 : 2]);
  return Buffer.concat([head, mac(sender.mac), ipv4Bytes(sender.ip), mac(target.mac), ipv4Bytes(target.ip)]);
}

export function ipv4Udp(source: string, target: string, ports: [number, number], text: string, fragment = 0): Buffer {
  const payload = Buffer.from(text);
  const udp = Buffer.concat([word(ports[0]), word(ports[1]), word(8 + payload.length), word(0), payload]);
  const head = Buffer.concat([
    Buffer.from([0x45, 0]),
    word(20 + udp.length),
    word(1),
    word(fragment),
    Buffer.from([64, UDP, 0, 0]),
    ipv4Bytes(source),
    ipv4Bytes(target),
  ]);
  head.writeUInt16BE(checksum(head), 10);
  return Buffer.concat([head, udp]);
}

export function ipv6Udp(
  source: Buffer,
  target: Buffer,
  ports: [number, number],
  text: string,
  extended = false,
): Buffer {
  const payload = Buffer.from(text);
  const udp = Buffer.concat([word(ports[0]), word(ports[1]), word(8 + payload.length), word(0), payload]);
  udp.writeUInt16BE(checksum(Buffer.concat([source, target, word(0), word(udp.length), word(0), word(UDP), udp])), 6);
  if (!extended) return ipv6(source, target, UDP, 64, udp);
  return ipv6(source, target, HOP_BY_HOP, 64, Buffer.concat([Buffer.from([UDP, 0, 1, 4, 0, 0, 0, 0]), udp]));
}

export function icmpv6(source: Buffer, target: Buffer, body: Buffer): Buffer {
  const message = Buffer.from(body);
  const pseudo = Buffer.concat([source, target, word(0), word(message.length), word(0), word(ICMPV6)]);
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, message])), 2);
  return ipv6(source, target, ICMPV6, 255, message);
}

/** "I am a router, for half an hour." */
export const routerAdvertisement = (ownMac: string) =>
  Buffer.concat([Buffer.from([134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]), mac(ownMac)]);

/** "This address is mine." */
export const neighbourAdvertisement = (address: Buffer, ownMac: string) =>
  Buffer.concat([Buffer.from([136, 0, 0, 0, 0x20, 0, 0, 0]), address, Buffer.from([2, 1]), mac(ownMac)]);

/** `groups` are the eight of the address, in full. */
export const ipv6Bytes = (...groups: number[]) => Buffer.concat(groups.map(word));

/** The address that an interface gives itself (RFC 4291, appendix A). */
export function linkLocal(ownMac: string): Buffer {
  const bytes = mac(ownMac);
  const id = Buffer.concat([bytes.subarray(0, 3), Buffer.from([0xff, 0xfe]), bytes.subarray(3)]);
  id[0] = id[0]! ^ 0x02;
  return Buffer.concat([ipv6Bytes(0xfe80, 0, 0, 0), id]);
}

const SENDER = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
for frame in sys.argv[1:]:
    s.send(bytes.fromhex(frame))
`;

const RECEIVER = `
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA: the kernel takes a VLAN tag out of the frame and tells it here
s.bind(('eth0', 3))
print('ready', flush=True)
while True:
    frame, extra, flags, address = s.recvmsg(65536, 256)
    if address[2] != 4:  # PACKET_OUTGOING
        print(frame.hex(), flush=True)
`;

export const sendFrames = (guest: Guest, frames: Buffer[]) =>
  guest.run('/usr/bin/python3', '-c', SENDER, ...frames.map((frame) => frame.toString('hex')));

/** What arrives at the guest from now on, in hex, one frame each. */
export async function watchFrames(guest: Guest): Promise<string[]> {
  const seen: string[] = [];
  const child = guest.start('/usr/bin/python3', '-c', RECEIVER);
  let rest = '';
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('The receiver ended')));
    child.stdout!.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === 'ready') resolve();
        else seen.push(line);
      }
    });
  });
  return seen;
}

function ipv6(source: Buffer, target: Buffer, next: number, hops: number, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([0x60, 0, 0, 0]),
    word(payload.length),
    Buffer.from([next, hops]),
    source,
    target,
    payload,
  ]);
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

const mac = (text: string) => Buffer.from(text.replaceAll(':', ''), 'hex');
const ipv4Bytes = (text: string) => Buffer.from(text.split('.').map(Number));
