import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test from 'ava';
import { pino } from 'pino';
import { BadRequest } from '../../../common/errors.ts';
import { Secret } from '../../../common/secret.ts';
import { listenForMoves, mostConnections, parseAddress } from './road.ts';

const nobody = () => Promise.reject(new Error('nobody is let in'));

test('strangers take neither every connection of a host nor its log', async (t) => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const road = await listenForMoves('127.0.0.1:0', new Secret('s'), log, nobody);
  t.teardown(() => road.stop());
  const { port } = parseAddress(road.address);
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  for (let times = 0; times < 5; times += 1) {
    const socket = await open();
    socket.end('GET / HTTP/1.0\r\n\r\n').resume();
    await once(socket, 'close');
  }
  t.is(lines.length, 1);
  t.false(lines[0]?.includes('stack'));

  const silent = await Promise.all(Array.from({ length: mostConnections }, open));
  const late = await open();
  late.resume();
  await once(late, 'close');
  t.is(silent.filter((socket) => socket.destroyed).length, 0);
  for (const socket of silent) socket.destroy();
});

test('a host announces no address by which others would call themselves', async (t) => {
  for (const address of ['0.0.0.0:0', '[::]:0'])
    await t.throwsAsync(listenForMoves(address, new Secret('s'), pino({ level: 'silent' }), nobody), {
      instanceOf: BadRequest,
      message: /^Setting migrationListen: /,
    });
});
