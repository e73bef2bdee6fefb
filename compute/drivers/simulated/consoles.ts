/** What can be seen of guests that there are none of. */
import { Duplex } from 'node:stream';
import { isActive } from './guest-driver.ts';
import type { SimulatedGuest, SimulatedHost } from './host.ts';

/** A connection that ends when the guest stops. */
function connection(
  host: SimulatedHost,
  guest: SimulatedGuest<{ id: string }>,
  { took, changed }: { took: (bytes: Buffer) => void; changed?: () => void },
): Duplex {
  const { id } = guest.spec;
  const stream = new Duplex({
    read() {},
    write(bytes: Buffer, _encoding, done) {
      took(bytes);
      done();
    },
    final(done) {
      unsubscribe();
      stream.push(null);
      done();
    },
    destroy(error, done) {
      unsubscribe();
      done(error);
    },
  });
  const unsubscribe = host.onChange((changedId) => {
    if (changedId !== id) return;
    changed?.();
    if (!isActive(guest) || host.servers.get(id) !== guest) stream.destroy();
  });
  return stream;
}

/** The guest's output from now on; what is typed comes back, as from a terminal that nobody answers at. */
export function simulatedSerialPort(host: SimulatedHost, guest: SimulatedGuest<{ id: string }>): Duplex {
  let told = guest.output.length;
  const stream = connection(host, guest, {
    took: (bytes) => stream.push(bytes),
    changed() {
      stream.push(guest.output.slice(told));
      told = guest.output.length;
    },
  });
  return stream;
}

const width = 64;
const height = 48;

/** The server's side of RFB 3.8 (RFC 6143) for a screen that is green throughout. */
export function simulatedScreen(host: SimulatedHost, guest: SimulatedGuest<{ id: string; name: string }>): Duplex {
  let waiting = Buffer.alloc(0);
  /** Each takes so many bytes once they are there, and gives what is answered. */
  const handshake: { bytes: number; answer: () => Buffer }[] = [
    { bytes: 12, answer: () => Buffer.from([1, 1]) }, // one way to log in: none
    { bytes: 1, answer: () => Buffer.alloc(4) }, // which was right
    { bytes: 1, answer: () => serverInit(guest.spec.name) },
  ];
  const stream = connection(host, guest, {
    took(bytes) {
      waiting = Buffer.concat([waiting, bytes]);
      for (let step = handshake[0]; step !== undefined && waiting.length >= step.bytes; step = handshake[0]) {
        handshake.shift();
        waiting = waiting.subarray(step.bytes);
        stream.push(step.answer());
      }
      if (handshake.length > 0) return;
      for (let length = messageLength(waiting); length > 0; length = messageLength(waiting)) {
        const [type, isIncremental] = waiting;
        waiting = waiting.subarray(length);
        if (type === 3 && isIncremental === 0) stream.push(picture());
      }
    },
  });
  stream.push('RFB 003.008\n');
  return stream;
}

/** Of the client's message that begins the bytes; 0 when it is not whole. An unknown one takes all. */
function messageLength(bytes: Buffer): number {
  const fixed = { 0: 20, 3: 10, 4: 8, 5: 6 }[bytes[0] ?? -1];
  let length = fixed ?? bytes.length;
  if (bytes[0] === 2) length = bytes.length < 4 ? 4 : 4 + 4 * bytes.readUInt16BE(2); // the encodings it knows
  if (bytes[0] === 6) length = bytes.length < 8 ? 8 : 8 + Math.abs(bytes.readInt32BE(4)); // a text to paste
  return bytes.length >= length ? length : 0;
}

/** 32 bits for a pixel, 8 for each colour. */
function serverInit(title: string): Buffer {
  const name = Buffer.from(title);
  const init = Buffer.alloc(24);
  init.writeUInt16BE(width, 0);
  init.writeUInt16BE(height, 2);
  init.set([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0], 4);
  init.writeUInt32BE(name.length, 20);
  return Buffer.concat([init, name]);
}

/** One rectangle in raw encoding. */
function picture(): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16BE(1, 2);
  head.writeUInt16BE(width, 8);
  head.writeUInt16BE(height, 10);
  return Buffer.concat([head, Buffer.alloc(4 * width * height, Buffer.from([0, 0x80, 0, 0]))]);
}
