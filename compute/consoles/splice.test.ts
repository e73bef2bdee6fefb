import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Duplex, PassThrough, Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { type WebSocket as Socket, WebSocket, WebSocketServer } from 'ws';
import { until } from '../drivers/contract/host-under-test.ts';
import { hostConsoles } from './host-consoles.ts';
import { endWhenSilent } from './liveness.ts';
import { splice } from './splice.ts';

/** Both ends of a WebSocket. */
async function pair(t: ExecutionContext): Promise<{ client: Socket; served: Socket }> {
  const server: Server = createServer();
  const sockets = new WebSocketServer({ server });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const connected = once(sockets, 'connection');
  await once(client, 'open');
  const [served] = (await connected) as [Socket];
  t.teardown(() => {
    client.terminate();
    server.close();
  });
  return { client, served };
}

test('a guest that never stops talking is read no faster than its client reads', async (t) => {
  const { client, served } = await pair(t);
  let told = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const guest = Duplex.from({
    readable: new Readable({
      read() {
        told += chunk.length;
        this.push(chunk);
      },
    }),
  });
  client.pause();
  const over = splice(served, guest);
  let before = -1;
  await until(t, 'it is read no more', async () => {
    const isStill = told === before && served.bufferedAmount > 0;
    before = told;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return isStill;
  });
  t.true(served.bufferedAmount < 1024 * 1024, `${served.bufferedAmount} bytes wait here`);
  t.true(told < 32 * 1024 * 1024, `${told} bytes were read, most of which the kernel holds`);
  client.terminate();
  await over;
  t.true(guest.destroyed);
});

test('a guest that takes nothing is not sent more, and a guest that ends says good-bye', async (t) => {
  const { client, served } = await pair(t);
  let took = 0;
  const guest = new Duplex({
    read() {},
    write(bytes: Buffer) {
      took += bytes.length; // and never says that it is done
    },
  });
  const over = splice(served, guest);
  const sent = 256 * 1024 * 1024;
  const message = Buffer.alloc(512 * 1024);
  for (let i = 0; i < sent / message.length / 8; i += 1) client.send(message);
  await until(t, 'it is read no more', () => served.isPaused);
  t.true(took <= message.length);
  guest.push('bye');
  guest.push(null);
  const [said] = (await once(client, 'message')) as [Buffer];
  t.is(String(said), 'bye');
  client.terminate();
  await over;
  t.true(guest.destroyed);
});

test('an end that does not answer is cut off, and one that does is left alone', async (t) => {
  const [silent, lively] = await Promise.all([pair(t), pair(t)]);
  endWhenSilent(lively.served, 50);
  silent.client.pause(); // hears nothing
  let asked = 0;
  lively.client.on('ping', () => {
    asked += 1;
  });
  const gone = once(silent.served, 'close');
  endWhenSilent(silent.served, 50);
  await gone;
  await until(t, 'the other was asked some times', () => asked > 3);
  t.is(lively.served.readyState, lively.served.OPEN);
});

test('a serial port that was lent to a process is free for the next before it is opened, and a screen has many', async (t) => {
  let port: Duplex | undefined;
  let waited = false;
  const consoles = hostConsoles({
    async openConsole(_id, kind) {
      const guest = new PassThrough();
      if (kind === 'screen') return guest;
      waited ||= port?.destroyed === false;
      port = guest;
      return guest;
    },
  });
  const screens = [
    await consoles.lend('a', 'screen'),
    await consoles.lend('a', 'screen'),
    await consoles.open('a', 'screen'),
  ];
  const first = await consoles.lend('a', 'serial');
  const second = await consoles.lend('a', 'serial');
  t.true(first.destroyed);
  const own = await consoles.open('a', 'serial');
  t.true(second.destroyed);
  t.false(own.destroyed, 'this process ends it by its row');
  t.false(waited, 'each found the port free');
  const both = await Promise.all([consoles.lend('a', 'serial'), consoles.lend('a', 'serial')]);
  t.is(both.filter((guest) => !guest.destroyed).length, 1, 'who came at the same time');
  t.false(screens.some((screen) => screen.destroyed));
});
