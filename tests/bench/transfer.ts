/**
 * A process that fetches one body and does nothing else: `node transfer.ts` reads a `Transfer` in JSON from its input and prints
 * one line of JSON, a `Transferred`. It throws away what it gets, from a buffer that it uses again and again. send_file.py
 * is its like for the other direction.
 */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Transfer {
  url: string;
  headers: Record<string, string>;
  /** The file that send_file.py sends. */
  path?: string;
}

export interface Transferred {
  seconds: number;
  /** With its head, of what was fetched. */
  bytes: number;
}

const pieceBytes = 2 ** 20;

async function fetchAway({ url, headers }: Transfer): Promise<number> {
  const { hostname, port, pathname } = new URL(url);
  const lines = Object.entries({ host: 'localhost', connection: 'close', ...headers }).map(
    ([k, v]) => `${k}: ${v}\r\n`,
  );
  return await new Promise((resolve, reject) => {
    let bytes = 0;
    let isOk: boolean | undefined;
    const buffer = Buffer.alloc(pieceBytes);
    const callback = (count: number) => {
      isOk ??= buffer.subarray(0, count).toString('latin1').startsWith('HTTP/1.1 200');
      bytes += count;
      return true;
    };
    const socket = connect({ host: hostname, port: Number(port), onread: { buffer, callback } });
    socket.on('error', reject);
    socket.on('close', () => (isOk ? resolve(bytes) : reject(new Error(`GET ${url}: ${buffer.subarray(0, 100)}`))));
    socket.write(`GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`);
  });
}

const transfer = JSON.parse(await text(process.stdin)) as Transfer;
const begun = performance.now();
const bytes = await fetchAway(transfer);
process.stdout.write(`${JSON.stringify({ bytes, seconds: (performance.now() - begun) / 1000 })}\n`);
