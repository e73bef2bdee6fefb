import type { RequestListener } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { filesOf, images, rawBare, until } from '../testing.ts';
import { download, stagedFiles, startSite, taskOf } from './testing.ts';

test('a source that leads inside, elsewhere than to the web, or with a password is refused when it is asked for', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  for (const uri of [
    'file:///etc/passwd',
    'ftp://example.com/x',
    'filesystem:/etc/passwd',
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fe80::1]/',
    'http://192.168.0.1/',
    'http://example.com:5000/',
    'http://user:secret@example.com/',
    '/etc/passwd',
    '',
  ])
    await member.post(`${images}/${id}/import`, download(uri), 400);
  t.like(await member.get(`${images}/${id}`), { status: 'queued' });
  t.is(await taskOf(member, id), undefined);
});

/** What the task says of a download from such a site. The image is queued, and nothing is kept. */
async function failed(t: ExecutionContext, listener: RequestListener, settings: Record<string, string | number> = {}) {
  const site = await startSite(t, listener);
  const cloud = await startTestCloud(t, { ...site.settings, ...settings });
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await member.post(`${images}/${id}/import`, download(`${site.url}/image`), 202);
  await cloud.settle();
  t.like(await member.get(`${images}/${id}`), { status: 'queued', size: null, os_glance_failed_import: 'default' });
  t.deepEqual([await filesOf(cloud), await stagedFiles(cloud)], [[], []]);
  const task = await taskOf(member, id);
  t.is(task.status, 'failure');
  return task.message as string;
}

test('redirects inside, closed ports, errors and cut lines are all told alike', async (t) => {
  const listeners: RequestListener[] = [
    (_, answer) => answer.writeHead(302, { location: 'http://127.0.0.2/' }).end(),
    (_, answer) => answer.writeHead(301, { location: 'http://169.254.169.254/' }).end(),
    (_, answer) => answer.writeHead(307, { location: 'file:///etc/passwd' }).end(),
    (_, answer) => answer.writeHead(302, { location: 'http://127.0.0.1:443/' }).end(),
    (_, answer) => answer.writeHead(500).end('secret of an inner host'),
    (_, answer) => {
      answer.writeHead(200, { 'content-length': 1_000_000 });
      answer.write(Buffer.alloc(1000), () => answer.destroy());
    },
  ];
  const messages = await Promise.all(listeners.map((listener) => failed(t, listener)));
  t.deepEqual([...new Set(messages)], [messages[0]]);
  t.notRegex(messages[0]!, /127|169|passwd|secret|refused|ECONN/);
});

test('a source that never ends is given up when its time is over', async (t) => {
  const dripping: RequestListener = (_, answer) => {
    const timer = setInterval(() => answer.write('drop'), 50);
    answer.on('close', () => clearInterval(timer));
  };
  await failed(t, dripping, { importTimeoutSeconds: 1 });
  t.pass();
});

test('a source may not be larger than the operator says, whatever it says itself', async (t) => {
  const saying: RequestListener = (_, answer) => answer.writeHead(200, { 'content-length': 2 * 2 ** 30 }).write('x');
  t.regex(await failed(t, saying, { importMaximumGib: 1 }), /larger than/);
  const silent: RequestListener = (_, answer) => answer.end('x');
  t.regex(await failed(t, silent, { importMaximumGib: 0 }), /larger than/);
});

test('an image that is deleted while it is downloaded stays deleted, and the download ends', async (t) => {
  const isClosed = Promise.withResolvers<void>();
  const isAsked = Promise.withResolvers<void>();
  const site = await startSite(t, (request, answer) => {
    answer.write('the beginning');
    isAsked.resolve();
    request.on('close', () => isClosed.resolve());
  });
  const cloud = await startTestCloud(t, site.settings);
  const member = cloud.as('member');
  const { id } = await member.post(images, rawBare);
  await member.post(`${images}/${id}/import`, download(site.url), 202);
  const { id: task } = await taskOf(member, id);
  const settled = cloud.settle();
  await isAsked.promise;
  await member.delete(`${images}/${id}`);
  await isClosed.promise;
  await settled;
  await until(async () => (await filesOf(cloud)).length === 0);
  const told = await cloud.as('admin').get(`/image/v2/tasks/${task}`);
  t.like(told, { status: 'failure' });
  t.regex(told.message, /was deleted/);
});
