import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { BadRequest, Unavailable } from '../../common/errors.ts';
import { OciError } from './errors.ts';
import { openUpstream } from './upstream.ts';

/** A registry server that answers as the test says. */
async function startServer(t: ExecutionContext, listener: RequestListener) {
  const directory = await mkdtemp(join(tmpdir(), 'registry-upstream-'));
  const server = createServer(listener).listen(join(directory, 'socket'));
  await once(server, 'listening');
  const upstream = openUpstream(`unix:${join(directory, 'socket')}`);
  t.teardown(async () => {
    upstream.close();
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  });
  return { server, upstream };
}

test('what the registry server says of a request is told, what ails itself is not', async (t) => {
  let answer = { status: 200, body: '' };
  const { upstream } = await startServer(t, (_, response) => response.writeHead(answer.status).end(answer.body));
  const said = (code: string) => JSON.stringify({ errors: [{ code, message: 'said by it' }] });
  const finish = () => upstream.finishUpload('/v2/r/blobs/uploads/u?_state=s', 'sha256:0');
  answer = { status: 400, body: said('DIGEST_INVALID') };
  t.is((await t.throwsAsync(finish(), { instanceOf: OciError })).code, 'DIGEST_INVALID');
  answer = { status: 404, body: said('BLOB_UPLOAD_INVALID') };
  t.is((await t.throwsAsync(finish(), { instanceOf: OciError })).code, 'BLOB_UPLOAD_UNKNOWN');
  t.false(await upstream.cancelUpload('/u'), 'it was cut off, and its bytes are there still');
  answer = { status: 404, body: said('BLOB_UPLOAD_UNKNOWN') };
  t.true(await upstream.cancelUpload('/u'));
  for (const body of ['', 'no JSON', said('UNKNOWN')]) {
    answer = { status: 500, body };
    const { message } = await t.throwsAsync(finish(), { instanceOf: Unavailable });
    t.notRegex(message, /said by it/);
  }
  answer = { status: 418, body: said('TEAPOT') };
  const { message } = await t.throwsAsync(finish());
  t.regex(message, /418/, 'for the log: it is a bug');
  t.is(await upstream.sizeOfBlob('r', 'd').catch(() => 'failed' as const), 'failed');
});

test('a registry server that goes away in the middle is unavailable, and what ends a body early is told as it is', async (t) => {
  const { server, upstream } = await startServer(t, (request, response) => {
    if (request.method === 'PATCH') request.resume();
    else response.destroy();
  });
  await t.throwsAsync(upstream.startUpload('r'), { instanceOf: Unavailable });
  const broken = new OciError('DENIED', 'too much');
  async function* body() {
    yield Buffer.alloc(100_000);
    throw broken;
  }
  t.is(await t.throwsAsync(upstream.append('/u', body())), broken as Error);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  await t.throwsAsync(upstream.mount('a', 'b', 'c'), { instanceOf: Unavailable });
  t.false(await upstream.answers());
});

test('a reader who leaves gives the connection back', async (t) => {
  const { server, upstream } = await startServer(t, (_, response) => {
    const write = () => {
      while (response.write(Buffer.alloc(65_536)));
      response.once('drain', write);
    };
    write();
  });
  for (let i = 0; i < 30; i += 1) {
    const blob = await upstream.openBlob('r', 'd');
    await once(blob, 'readable');
    blob.destroy();
  }
  const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
  while ((await connections()) > 0) await new Promise(setImmediate);
  t.is(await connections(), 0);
});

test.serial('going on with an upload may take as long as ending one: both may read again all that came', async (t) => {
  const { upstream } = await startServer(t, (request, response) => {
    request
      .resume()
      .on('end', () => response.writeHead(request.method === 'PATCH' ? 202 : 201, { location: '/u' }).end());
  });
  const { setTimeout } = globalThis;
  const waits: (number | undefined)[] = [];
  globalThis.setTimeout = ((act: () => void, ms?: number) => {
    waits.push(ms);
    return setTimeout(act, ms);
  }) as typeof setTimeout;
  t.teardown(() => {
    globalThis.setTimeout = setTimeout;
  });
  async function* body() {
    yield Buffer.from('x');
  }
  await upstream.append('/u', body());
  t.true(waits.includes(600_000), waits.join());
  t.false(waits.includes(60_000));
});

test('an address that is none is refused', (t) => {
  for (const address of ['', 'socket', 'unix:', 'https://registry', 'ftp://x'])
    t.throws(() => openUpstream(address), { instanceOf: BadRequest }, address);
  t.notThrows(() => openUpstream('http://127.0.0.1:5001').close());
});
