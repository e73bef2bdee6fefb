import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { MetadataRequest } from './driver.ts';
import { boundSocket } from './namespace.ts';
import { guestServer } from './server.ts';

/** A server at a port of the loopback, where every caller is the guest 127.0.0.1. */
async function start(
  t: ExecutionContext,
  answer?: (asked: MetadataRequest) => Promise<string>,
  { patienceMs = 30_000, altogether = 2048 } = {},
) {
  const seen: MetadataRequest[] = [];
  const server = guestServer(
    async (asked) => {
      seen.push(asked);
      return { status: 200, contentType: 'text/plain', body: answer ? await answer(asked) : 'told' };
    },
    { patienceMs, altogether },
  );
  const listener = await server.listen('net', boundSocket('127.0.0.1', 0));
  const beside = await server.listen('beside', boundSocket('127.0.0.1', 0));
  t.teardown(() => {
    listener.close();
    beside.close();
    server.close();
  });
  const { port } = listener.address() as AddressInfo;
  const open = (at = listener) => connect((at.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  /** All that comes back for what is sent as it is, until the other side ends. */
  const send = async (text: string, at = listener) => {
    const socket = open(at);
    let got = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      got += part;
    });
    socket.write(text);
    await end(socket);
    return got;
  };
  return { server, seen, port, beside, open, send };
}

const get = 'GET /openstack HTTP/1.1\r\nHost: x\r\n';

test('a guest is its connection, and no header of it counts', async (t) => {
  const { send, seen } = await start(t);
  const answer = await send(
    `${get}X-Forwarded-For: 10.0.0.6\r\nX-Instance-ID: other\r\nForwarded: for=10.0.0.6\r\n\r\n`,
  );
  t.regex(answer, /^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n.*\r\n\r\ntold$/is);
  t.like(seen[0], { networkId: 'net', address: '127.0.0.1', method: 'GET', url: '/openstack' });
});

test('a connection carries one request, a body of bounded size, and no more headers than anybody needs', async (t) => {
  const { send, seen, port } = await start(t);
  const both = await send(`${get}\r\n${get}\r\n`);
  t.is(seen.length, 1);
  t.is(both.match(/HTTP\/1\.1 200/g)?.length, 1);
  t.regex(await send(`${get}X: ${'x'.repeat(9000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  t.regex(await send('nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
  const posted = request({ port, method: 'POST', path: '/p' }).on('error', () => undefined);
  posted.end('x'.repeat(5000)); // its length is not told before
  const [answer] = await once(posted, 'response');
  t.is(answer.statusCode, 413);
  t.is(seen.length, 1);
  t.notRegex(await send('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'), /told/);
});

test('an answer that cannot be had now is a 503, and nobody hears why', async (t) => {
  const { send } = await start(t, async () => {
    throw new Error('the secret reason');
  });
  const answer = await send(`${get}\r\n`);
  t.regex(answer, /^HTTP\/1\.1 503 /);
  t.notRegex(answer, /secret/);
});

test('a guest has few connections at a time, none for ever, and none once it is cut off', async (t) => {
  const { server, open, send } = await start(t, undefined, { patienceMs: 300 });
  const sockets = Array.from({ length: 40 }, open);
  for (const socket of sockets) socket.write(get); // and never the end of it
  await Promise.all(sockets.map(end)); // those that are too many at once, the others when their time is over
  t.regex(await send(`${get}\r\n`), / 200 /, 'their places are free again');
  server.close();

  const patient = await start(t);
  const last = patient.open();
  const ended = end(last).then(() => 'ended');
  while ((await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10))])) !== 'ended')
    patient.server.cut('net');
});

test('when all places are taken, who has most of them makes room, and its own come after one another', async (t) => {
  const { open, send, seen, beside } = await start(t, undefined, { altogether: 4 });
  const neighbour = open(beside);
  await once(neighbour, 'connect');
  const sockets: Socket[] = [];
  for (let i = 0; i < 3; i += 1) {
    sockets.push(open());
    await once(sockets[i] as Socket, 'connect');
  }
  const [first, second, third] = sockets.map((socket) => end(socket).then(() => 'ended'));
  t.regex(await send(`${get}\r\n`, beside), / 200 /, 'another network is served');
  await first;
  sockets.push(open());
  await once(sockets[3] as Socket, 'connect');
  t.regex(await send(`${get}\r\n`), / 200 /);
  await second;
  t.is(await Promise.race([third, 'open']), 'open');
  neighbour.resume().write(`${get}\r\n`);
  await end(neighbour);
  t.is(seen.length, 3, 'who was there first and has least was never in the way');
});

const end = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
