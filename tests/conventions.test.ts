/** What every service does alike, seen through identity because it needs nothing else. */
import test from 'ava';
import { startTestCloud } from './cloud.ts';

test('every answer has a request id, and the log has it too', async (t) => {
  const cloud = await startTestCloud(t);
  const answers = [
    await cloud.anonymous.request({ method: 'GET', path: '/identity/v3' }),
    await cloud.anonymous.request({ method: 'GET', path: '/identity/v3/users' }),
    await cloud.anonymous.request({ method: 'GET', path: '/nowhere' }),
  ];
  for (const answer of answers) {
    const id = String(answer.headers['x-openstack-request-id']);
    t.regex(id, /^req-[0-9a-f-]{36}$/);
    t.true(cloud.logLines.some((line) => line.includes(id)));
  }
});

test('a path that is nowhere is 404, a method that means nothing there 405', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  t.is((await admin.request({ method: 'GET', path: '/identity/v3/nowhere' })).status, 404);
  t.is((await admin.request({ method: 'GET', path: '/nowhere' })).status, 404);
  const answer = await admin.request({ method: 'DELETE', path: '/identity/v3/users' });
  t.is(answer.status, 405);
  t.is(answer.body.error.code, 405);
});

test('trailing and doubled slashes are tolerated', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  await admin.get('/identity/v3/');
  await admin.get('/identity//v3//users/');
  await admin.get('//identity/v3/users');
});

test('bad bodies are 400, other types 415, large ones 413, each in the service’s dialect', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const post = (payload: string, type = 'application/json') =>
    admin.request({ method: 'POST', path: '/identity/v3/projects', payload, headers: { 'content-type': type } });
  for (const [payload, status] of [
    ['{"project":', 400],
    ['[]', 400],
    ['{}', 400],
    ['{"project":{"name":1}}', 400],
    ['{"project":{"name":""}}', 400],
    ['{"project":{"name":"a\\u0000b"}}', 400],
    ['{"project":{"name":"x","__proto__":{"enabled":false}}}', 400],
    [`{"project":{"name":"x","description":"${'x'.repeat(1024 * 1024)}"}}`, 413],
  ] as const) {
    const answer = await post(payload);
    t.is(answer.status, status, payload.slice(0, 60));
    t.is(answer.body.error.code, status);
  }
  t.is((await post('project=x', 'application/x-www-form-urlencoded')).status, 415);
  const { projects } = await admin.get('/identity/v3/projects?name=x');
  t.deepEqual(projects, []);
});

test('where no body is asked for, its type and its content mean nothing', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const space = '/image/v2/metadefs/namespaces/space';
  await admin.post('/image/v2/metadefs/namespaces', { namespace: 'space', tags: [{ name: 'tag' }] });
  const headers = { 'content-type': 'application/octet-stream' };
  const status = async (method: string, path: string, payload?: string) =>
    (await admin.request({ method, path, headers, ...(payload !== undefined && { payload }) })).status;
  t.is(await status('DELETE', `${space}/tags/tag`), 204, 'as python-glanceclient sends it');
  t.is(await status('POST', `${space}/tags/other`), 201);
  t.is(await status('DELETE', space, 'x'.repeat(2 * 1024 * 1024)), 413);
  t.is(await status('DELETE', space, '{not json'), 204);
});

test('a NUL byte in a filter or path is the request’s fault', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  t.is((await admin.request({ method: 'GET', path: '/identity/v3/users?name=a%00b' })).status, 400);
  t.true([400, 404].includes((await admin.request({ method: 'GET', path: '/identity/v3/users/a%00b' })).status));
});

test('identity headers from outside mean nothing', async (t) => {
  const cloud = await startTestCloud(t);
  const headers = {
    'x-roles': 'admin',
    'x-user-id': cloud.as('admin').userId,
    'x-is-admin-project': 'True',
    'x-identity-status': 'Confirmed',
  };
  t.is((await cloud.as('member').request({ method: 'GET', path: '/identity/v3/users', headers })).status, 403);
  t.is((await cloud.anonymous.request({ method: 'GET', path: '/identity/v3/users', headers })).status, 401);
});

test('an unexpected failure tells the client a request id and the log the rest', async (t) => {
  const cloud = await startTestCloud(t);
  await cloud.as('admin').token();
  await cloud.db.schema.renameTable('projects', 'hidden_projects');
  const answer = await cloud.as('admin').request({ method: 'GET', path: '/identity/v3/projects' });
  t.is(answer.status, 500);
  t.notRegex(answer.text, /projects"|relation|select/i);
  const id = String(answer.headers['x-openstack-request-id']);
  t.true(answer.text.includes(id));
  t.true(cloud.logLines.some((line) => line.includes(id) && line.includes('relation')));
});

test('no password or token reaches the log', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const token = await admin.token();
  await admin.post('/identity/v3/users', { user: { name: 'new', password: 'canary-password' } });
  await cloud.anonymous.request({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    payload: '{"auth":{"identity":{"methods":["password"],"password":{"user":{"password":"canary-password"',
  });
  const all = cloud.logLines.join('\n');
  t.notRegex(all, /canary-password/);
  t.false(all.includes(token));
});

test('the OpenAPI document names every route with its rule', async (t) => {
  const cloud = await startTestCloud(t);
  const document = await cloud.anonymous.get('/openapi.json');
  t.is(document.openapi, '3.1.0');
  t.is(document.paths['/identity/v3/projects'].post['x-policy'], 'identity:create_project');
  t.truthy(document.paths['/identity/v3/auth/tokens'].post['x-anonymous']);
  const parametersOf = (path: string, method: string) =>
    document.paths[path][method].parameters.map(({ name }: { name: string }) => name);
  t.deepEqual(parametersOf('/compute/v2.1/servers', 'post'), ['Idempotency-Key', 'dry_run', 'X-Dry-Run']);
  t.deepEqual(parametersOf('/identity/v3/auth/tokens', 'post'), []);
  const count = Object.values<object>(document.paths).reduce((sum, item) => sum + Object.keys(item).length, 0);
  t.is(count, cloud.modules.flatMap((module) => module.service.routes).length);
});

test('metrics and health answer', async (t) => {
  const cloud = await startTestCloud(t);
  t.is((await cloud.anonymous.get('/healthz')).status, 'ok');
  const metrics = await cloud.anonymous.request({ method: 'GET', path: '/metrics' });
  t.regex(metrics.text, /cirrostack_http_request_duration_seconds_count\{.*route="\/healthz".*\} 1/);
  const forwarded = { 'x-forwarded-for': '192.0.2.1' };
  t.is((await cloud.anonymous.request({ method: 'GET', path: '/metrics', headers: forwarded })).status, 403);
});
