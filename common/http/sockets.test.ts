import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Duplex } from 'node:stream';
import test from 'ava';
import { refuseUpgrade } from './sockets.ts';

test('who is refused keeps no connection, though he never ends his side or never reads', async (t) => {
  const server: Server = createServer();
  server.on('upgrade', (_request, connection) => refuseUpgrade(connection, 403, 'Forbidden'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => client.destroy());
  const [connection] = await Promise.all([
    new Promise<Duplex>((resolve) => server.once('connection', resolve)),
    once(client, 'connect'),
  ]);
  let answer = '';
  client.on('data', (part) => {
    answer += part;
  });
  const closed = once(connection, 'close');
  client.write('GET /console HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await Promise.all([once(client, 'end'), closed]);
  t.regex(answer, /^HTTP\/1\.1 403 Forbidden\r\n/);
  t.false(client.destroyed, 'its side is open still');

  const stuck = new Duplex({ read() {}, write() {} }); // takes the answer and never says that it is gone
  refuseUpgrade(stuck, 403, 'Forbidden');
  const alive = setInterval(() => {}, 1000); // as the server of a cloud is
  t.teardown(() => clearInterval(alive));
  await once(stuck, 'close');
});
