import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { pino } from 'pino';
import { askVendors, vendorDataSettings } from './vendor-data.ts';

const subject = { id: 's', projectId: 'p', imageId: 'i', hostname: 'web', metadata: { a: 'b' } };

async function vendor(t: ExecutionContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const settings = (targets: string, file = '') =>
  vendorDataSettings({ vendorDataTargets: targets, vendorDataFile: file, vendorDataTimeoutSeconds: 1 });

test('services are told of the server and answer under their names; those that fail give nothing', async (t) => {
  let told = '';
  const good = await vendor(t, async (request, response) => {
    for await (const part of request) told += part;
    response.end('{"joined":true}');
  });
  const broken = await vendor(t, (_, response) => response.end('{'));
  const refusing = await vendor(t, (_, response) => response.writeHead(500).end('{}'));
  const leading = await vendor(t, (_, response) => response.writeHead(302, { location: good }).end());
  const endless = await vendor(t, (_, response) => {
    response.on('error', () => undefined);
    const more = () => {
      while (response.write('x'.repeat(65_536)));
      response.once('drain', more);
    };
    more();
  });
  const silent = await vendor(t, () => undefined);
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const names = { good, broken, refusing, leading, endless, silent, empty: await vendor(t, (_, r) => r.end()) };
  const asked = await settings(
    Object.entries(names)
      .map(([name, url]) => `${name}@${url}`)
      .join(', '),
  );
  const begun = performance.now();
  t.deepEqual(await askVendors(asked, log, subject, 'dXNlcg=='), {
    good: { joined: true },
    broken: {},
    refusing: {},
    leading: {},
    endless: {},
    silent: {},
    empty: {},
  });
  t.true(performance.now() - begun < 4000, 'all at once, each for a second at most');
  t.deepEqual(JSON.parse(told), {
    'project-id': 'p',
    'instance-id': 's',
    'image-id': 'i',
    'user-data': 'dXNlcg==',
    hostname: 'web',
    metadata: { a: 'b' },
    'boot-roles': '',
  });
  t.is(lines.length, 5);
  t.false(lines.some((line) => line.includes('dXNlcg==')));
});

test('settings that make no sense are refused at start', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-vendor-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const path = join(directory, 'vendor.json');
  for (const targets of ['x', '@http://a', 'a@ftp://b', 'a@http://', 'a@http://b,a@http://c', 'static@http://b'])
    await t.throwsAsync(settings(targets), { message: /vendorDataTargets/ }, targets);
  await t.throwsAsync(settings('', path), { message: /vendorDataFile/ });
  for (const content of ['', '[]', 'null', '"x"']) {
    await writeFile(path, content);
    await t.throwsAsync(settings('', path), { message: /vendorDataFile/ }, content);
  }
  await writeFile(path, '{"cloud-init":"#cloud-config"}');
  t.deepEqual((await settings('', path)).fixed, { 'cloud-init': '#cloud-config' });
});
