import Hapi from '@hapi/hapi';
import test from 'ava';
import { mountWhenAsked } from './mount.ts';

const paths = ['/', '/a', '/a/me', '/a/{id}', '/a/{id}/b', '/a/{id}.json', '/files/{rest*}', '/{every*}'];
const asked = [
  '/',
  '/a',
  '/a/',
  '/a/me',
  '/a/1',
  '/a/1/b',
  '/a/1.json',
  '/a/1/c',
  '/files',
  '/files/x/y',
  '/A',
  '/q/r',
];

function server() {
  const mine = Hapi.server({ host: '127.0.0.1', router: { stripTrailingSlash: true } });
  const routes = paths.map((path) => ({ path, route: () => ({ method: 'GET', path, handler: () => path }) as const }));
  const mount = mountWhenAsked(mine, routes);
  mine.ext('onRequest', (request, h) => {
    mount(request.path);
    return h.continue;
  });
  return mine;
}

test('a request finds the route that it would find among all of them', async (t) => {
  const whole = server();
  await whole.start();
  t.teardown(() => whole.stop());
  t.is(whole.table().length, paths.length);
  for (const url of asked) {
    const alone = server();
    const [expected, found] = await Promise.all([whole, alone].map((one) => one.inject(url)));
    t.is(found?.payload, expected?.payload, url);
    t.true(alone.table().length < paths.length, url);
  }
});
