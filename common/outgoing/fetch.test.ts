import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { BadRequest } from '../errors.ts';
import { publicAddresses } from './addresses.ts';
import { checkUrl, fetchOutside, type OutgoingRules, type Resolve, Unreadable } from './fetch.ts';

const strict = { addresses: publicAddresses(), ports: [80, 443] };

/** A web server on loopback, which these rules allow as an operator can. */
async function site(t: ExecutionContext, listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const rules: OutgoingRules = {
    addresses: publicAddresses(['127.0.0.1/32']),
    ports: [port],
    mostBytes: 1000,
    mostMs: 5000,
  };
  return { url: `http://127.0.0.1:${port}`, port, rules };
}

test('addresses of ourselves and our neighbours are not public, in whatever way they are written', (t) => {
  const refused = [
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'fe80::1',
    'fe80::1%eth0',
    'fd00::1',
    'ff02::1',
    'no address',
    '',
  ];
  for (const address of refused) t.false(strict.addresses.allows(address), address);
  for (const address of ['1.1.1.1', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])
    t.true(strict.addresses.allows(address), address);
  t.true(publicAddresses(['10.0.0.0/8']).allows('10.1.2.3'));
  t.throws(() => publicAddresses(['10.0.0.0']));
  t.throws(() => publicAddresses(['10.0.0.0/33']));
});

test('a URL that leads inside, elsewhere than to the web, or with a password is refused before anybody is asked', (t) => {
  const refused = [
    'file:///etc/passwd',
    'ftp://example.com/x',
    'gopher://example.com/',
    'data:,x',
    'not a url',
    '',
    'http://user:secret@example.com/',
    'http://example.com:22/',
    'http://example.com:5000/',
    'http://127.0.0.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fe80::1]/',
    'http://10.0.0.1/',
    'http://①②⑦.0.0.1/',
  ];
  for (const url of refused) t.throws(() => checkUrl(url, strict), { instanceOf: BadRequest }, url);
  t.is(checkUrl('https://example.com/image.qcow2', strict).hostname, 'example.com');
});

test('what is at the end of redirects is given', async (t) => {
  const { url, rules } = await site(t, ({ url = '' }, answer) => {
    const hop = Number(url.slice(1));
    if (hop < 5) answer.writeHead([301, 302, 303, 307, 308][hop] as number, { location: `/${hop + 1}` }).end();
    else answer.end('here');
  });
  const { body, sizeBytes } = await fetchOutside(`${url}/0`, rules);
  t.is(String(await buffer(body)), 'here');
  t.is(sizeBytes, 4);
});

test('a redirect that leads inside, to another scheme, or on and on is refused like a source that is not there', async (t) => {
  const targets = [
    'http://127.0.0.2/',
    'http://169.254.169.254/',
    'file:///etc/passwd',
    'http://localhost.localdomain:1/',
    '/loop',
    '//:::',
  ];
  for (const location of targets) {
    const { url, rules } = await site(t, (_, answer) => answer.writeHead(302, { location }).end());
    await t.throwsAsync(
      fetchOutside(url, rules),
      { instanceOf: Unreadable, message: new Unreadable().message },
      location,
    );
  }
});

test('a name is judged by the address that it leads to', async (t) => {
  const { port, rules } = await site(t, (_, answer) => answer.end('reached'));
  const closed = { ...rules, addresses: publicAddresses() };
  await t.throwsAsync(fetchOutside(`http://localhost:${port}/`, closed), { instanceOf: Unreadable });
});

test('nobody learns from the failure whether something listens', async (t) => {
  const { url, port, rules } = await site(t, (_, answer) => answer.writeHead(500).end('secret'));
  const closed = `http://127.0.0.1:${port === 1 ? 2 : 1}/`;
  const failures = await Promise.all(
    [fetchOutside(url, rules), fetchOutside(closed, { ...rules, ports: [1, 2] })].map((fetched) =>
      t.throwsAsync(fetched),
    ),
  );
  t.is(failures[0]?.message, failures[1]?.message);
});

test('a source that is too large ends where it becomes so, whether it said its size or not', async (t) => {
  const { url, rules } = await site(t, (request, answer) => {
    if (request.url === '/said') answer.setHeader('content-length', 2000);
    answer.write(Buffer.alloc(1500));
    answer.end(Buffer.alloc(500));
  });
  await t.throwsAsync(fetchOutside(`${url}/said`, rules), { instanceOf: BadRequest });
  const { body } = await fetchOutside(url, rules);
  await t.throwsAsync(buffer(body), { instanceOf: BadRequest });
});

test('a source that says nothing, or never ends, is given up', async (t) => {
  const { url, rules } = await site(t, (request, answer) => {
    if (request.url === '/drips') answer.write('x');
  });
  const hasty = { ...rules, mostMs: 200 };
  await t.throwsAsync(fetchOutside(url, hasty), { instanceOf: Unreadable });
  // How long it takes until the beginning is there is the machine's.
  const drips = async (mostMs: number) => fetchOutside(`${url}/drips`, { ...rules, mostMs }).catch(() => undefined);
  let begun = await drips(200);
  for (let mostMs = 400; begun === undefined && mostMs < 60_000; mostMs *= 2) begun = await drips(mostMs);
  t.truthy(begun);
  if (begun) await t.throwsAsync(buffer(begun.body));
});

test('a source that breaks off is no shorter source', async (t) => {
  const { url, rules } = await site(t, (_, answer) => {
    answer.setHeader('content-length', 500);
    answer.write('some');
    setImmediate(() => answer.destroy());
  });
  await t.throwsAsync(async () => buffer((await fetchOutside(url, rules)).body));
});

test('a name that leads elsewhere the second time is judged anew, at every hop, and so is one with an address inside', async (t) => {
  const asked: string[] = [];
  const { port, rules } = await site(t, ({ headers }, answer) => {
    asked.push(headers.host ?? '');
    answer.writeHead(302, { location: '/again' }).end();
  });
  const answers = [['127.0.0.1'], ['127.0.0.2']];
  const resolve: Resolve = (_, __, found) =>
    found(
      null,
      (answers.shift() ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  const url = `http://rebinding.example:${port}/`;
  await t.throwsAsync(fetchOutside(url, rules, { resolve }), { instanceOf: Unreadable });
  t.deepEqual([asked, answers], [[`rebinding.example:${port}`], []], 'asked once, and not where it led then');
  for (const mixed of [['127.0.0.1', '10.0.0.1'], ['127.0.0.1', '::1'], ['::ffff:169.254.169.254'], []]) {
    answers.push(mixed);
    await t.throwsAsync(fetchOutside(url, rules, { resolve }), { instanceOf: Unreadable }, mixed.join());
  }
  t.is(asked.length, 1);
});

test('a source that breaks off before anybody reads says so to who reads then', async (t) => {
  const { url, rules } = await site(t, (_, answer) => {
    answer.setHeader('content-length', 500);
    answer.write('some', () => answer.destroy());
  });
  const { body } = await fetchOutside(url, rules);
  await new Promise((resolve) => body.once('close', resolve));
  await t.throwsAsync(buffer(body), { instanceOf: Unreadable });
});
