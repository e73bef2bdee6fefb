/**
 * A process that moves one body and does nothing else: `node transfer.ts` reads a `Transfer` in JSON from its input and prints
 * one line of JSON, a `Transferred`. It throws away what it gets, from a buffer that it uses again and again.
 */
import { open } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Transfer {
  url: string;
  headers: Record<string, string>;
  /** The file to send; absent: something is fetched. */
  path?: string;
}

export interface Transferred {
  seconds: number;
  /** With its head, for what was fetched. */
  bytes: number;
}

const pieceBytes = 2 ** 20;

async function send({ url, headers }: Transfer, path: string): Promise<number> {
  const file = await open(path);
  const { size } = await file.stat();
  const asked = request(url, { method: 'PUT', headers: { ...headers, 'content-length': size } });
  const status = new Promise<number>((resolve, reject) => {
    asked.on('error', reject);
    asked.on('response', (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)));
  });
  // One is read while the other is on its way, and neither is ever new memory: a client costs the processors little.
  const buffers = [Buffer.alloc(pieceBytes), Buffer.alloc(pieceBytes)];
  let sent: Promise<void> = Promise.resolve();
  for (let position = 0, turn = 0; position < size; turn = 1 - turn) {
    const { bytesRead } = await file.read(buffers[turn]!, 0, pieceBytes, position);
    position += bytesRead;
    await sent;
    const piece = buffers[turn]!.subarray(0, bytesRead);
    sent = new Promise((resolve, reject) => asked.write(piece, (error) => (error ? reject(error) : resolve())));
  }
  await sent;
  asked.end();
  await file.close();
  if ((await status) !== 204) throw new Error(`PUT ${url}: ${await status}`);
  return size;
}

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
const bytes = transfer.path === undefined ? await fetchAway(transfer) : await send(transfer, transfer.path);
process.stdout.write(`${JSON.stringify({ bytes, seconds: (performance.now() - begun) / 1000 })}\n`);
