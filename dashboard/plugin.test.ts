import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { createServer } from '../common/http/server.ts';
import { createMetrics } from '../common/metrics.ts';
import { createEnforcer } from '../common/policy/enforcer.ts';
import { openBundle } from './bundle.ts';
import { dashboardModule, pageHeaders } from './plugin.ts';

async function serve(t: ExecutionContext, files: Record<string, string>) {
  const dist = await mkdtemp(join(tmpdir(), 'cirrostack-dashboard-'));
  t.teardown(() => rm(dist, { recursive: true, force: true }));
  const fill = async (more: Record<string, string>) => {
    for (const [name, content] of Object.entries(more)) await writeFile(join(dist, name), content);
  };
  await fill(files);
  const server = createServer({
    services: [dashboardModule(openBundle(dist)).service],
    authenticate: async () => t.fail('the dashboard asks for no token') as never,
    enforcer: createEnforcer([], {}),
    log: pino({ enabled: false }),
    metrics: createMetrics(),
    answers: { db: null as never, seal: String, unseal: String }, // of requests that create something: none here do
    publicUrl: 'http://cloud.test',
    host: '127.0.0.1',
    port: 0,
  });
  return { server, fill };
}

const bundle = { 'index.html': '<p>page', 'main-ABCD1234.js': 'run()', 'icon.svg': '<svg/>', '.stamp': 'secret' };

test('every path that is not a file is the page, under a policy that allows nothing inline', async (t) => {
  const { server } = await serve(t, bundle);
  for (const url of ['/dashboard', '/dashboard/', '/dashboard/servers/5', '/dashboard/a/b/c']) {
    const answer = await server.inject(url);
    t.is(answer.statusCode, 200, url);
    t.is(answer.payload, '<p>page');
    t.is(answer.headers['content-type'], 'text/html; charset=utf-8');
    t.is(answer.headers['cache-control'], 'no-cache');
    for (const [name, value] of Object.entries(pageHeaders)) t.is(answer.headers[name], value);
    t.is(answer.headers['set-cookie'], undefined);
  }
  t.false(pageHeaders['content-security-policy']?.includes('unsafe'));
});

test('a file is served with its type, to be kept for ever when its name tells its content', async (t) => {
  const { server } = await serve(t, bundle);
  const script = await server.inject('/dashboard/files/main-ABCD1234.js');
  t.is(script.headers['content-type'], 'text/javascript; charset=utf-8');
  t.regex(String(script.headers['cache-control']), /immutable/);
  t.is(script.headers['x-content-type-options'], 'nosniff');
  const icon = await server.inject('/dashboard/files/icon.svg');
  t.is(icon.headers['content-type'], 'image/svg+xml');
  t.is(icon.headers['cache-control'], 'no-cache');
});

test('who takes gzip gets it, and who has it already gets nothing', async (t) => {
  const { server } = await serve(t, bundle);
  const headers = { 'accept-encoding': 'gzip, br' };
  const answer = await server.inject({ url: '/dashboard/files/main-ABCD1234.js', headers });
  t.is(answer.headers['content-encoding'], 'gzip');
  t.is(gunzipSync(answer.rawPayload).toString(), 'run()');
  t.not((await server.inject('/dashboard/files/main-ABCD1234.js')).headers.etag, answer.headers.etag);
  const again = { ...headers, 'if-none-match': String(answer.headers.etag) };
  t.is((await server.inject({ url: '/dashboard/files/main-ABCD1234.js', headers: again })).statusCode, 304);
});

test('only files of the bundle are there, whatever the path says', async (t) => {
  const { server } = await serve(t, bundle);
  for (const name of ['gone.js', '.stamp', '..%2f..%2fpackage.json', '%2e%2e%2fplugin.ts', '__proto__'])
    t.is((await server.inject(`/dashboard/files/${name}`)).statusCode, 404, name);
});

test('without a bundle it says what to do, and serves it once it is there', async (t) => {
  const { server, fill } = await serve(t, {});
  const answer = await server.inject('/dashboard/');
  t.is(answer.statusCode, 503);
  t.regex(answer.payload, /build\.ts/);
  await fill(bundle);
  t.is((await server.inject('/dashboard/')).statusCode, 200);
});

test('what single sign-on hands over is in the page, and kept nowhere', async (t) => {
  const { server } = await serve(t, { 'index.html': '<head></head><p>page' });
  const post = (payload: string) =>
    server.inject({
      method: 'POST',
      url: '/dashboard/sso',
      payload,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  const answer = await post('token=a.b-c_d.e');
  t.is(answer.statusCode, 200);
  t.is(answer.payload, '<head><meta name="handed-over-token" content="a.b-c_d.e"></head><p>page');
  t.is(answer.headers['cache-control'], 'no-store');
  for (const [name, value] of Object.entries(pageHeaders)) t.is(answer.headers[name], value);
  for (const payload of ['', 'token=', 'token=%22%3E%3Cscript%3E', 'token=$&', `token=${'a'.repeat(20_000)}`])
    t.is((await post(payload)).statusCode, 400, payload.slice(0, 30));
});
