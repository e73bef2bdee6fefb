/** What Node.js alone serves: `node bare-server.ts FILE` answers every request with that file, and prints its port. */
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const path = process.argv[2] ?? '';
const { size } = statSync(path);
const server = createServer((_, response) => {
  response.setHeader('content-length', size);
  createReadStream(path).pipe(response);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
