import test from 'ava';
import { socketUrl } from './socket-url.ts';

const of = (address: string) => socketUrl(new URL(address))?.href ?? null;

test('a page opens the WebSocket that its address names, on its own host', (t) => {
  t.is(
    of('http://cloud.test:5000/console/vnc.html?path=console%3Ftoken%3Dx-_1'),
    'ws://cloud.test:5000/console?token=x-_1',
  );
  t.is(of('https://cloud.test/console/vnc.html?path=console%3Ftoken%3Dx%23y'), 'wss://cloud.test/console?token=x');
});

test('a page is not talked into another host', (t) => {
  for (const path of [
    '',
    '/evil.test/x',
    '//evil.test',
    '\\evil.test',
    '/\\evil.test',
    '/u:p@cloud.test/x',
    '/evil.test:80/%2e%2e',
  ])
    t.is(of(`http://cloud.test/console/vnc.html?path=${encodeURIComponent(path)}`), null, path);
  t.is(of('http://cloud.test/console/vnc.html'), null);
});
