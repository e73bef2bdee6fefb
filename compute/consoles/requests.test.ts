import test from 'ava';
import { consoleUrl } from './console.ts';
import { isOriginAllowed, originsOf, tokenOf } from './requests.ts';

test('a token is in the query, or in the cookie that noVNC before 1.1 made of it', (t) => {
  const cases: [url: string | undefined, cookie: string | undefined, token: string][] = [
    ['/console?token=a', undefined, 'a'],
    ['/console?x=1&token=a', 'token=b', 'a'],
    ['/console?token=', 'c=d; token=b', 'b'],
    ['/console', 'nottoken=b', ''],
    ['/console', undefined, ''],
    [undefined, undefined, ''],
  ];
  for (const [url, cookie, token] of cases) t.is(tokenOf({ url, headers: { cookie } }), token);
});

test('pages of ours may open consoles, those of others not, and who says no origin has to know the token', (t) => {
  const settings = {
    publicUrl: 'https://cloud.test/api',
    allowedOrigins: originsOf('https://portal.test/x, http://a:81'),
  };
  const isAllowed = (origin: string | undefined, host = 'in.test:5000') =>
    isOriginAllowed({ url: '/console?token=x', headers: { origin, host } }, settings);
  for (const url of [undefined, '/console', '/console?token=', '/console?x=token'])
    t.false(isOriginAllowed({ url, headers: { host: 'in.test:5000', cookie: 'token=x' } }, settings), url);
  for (const origin of [undefined, 'http://in.test:5000', 'https://cloud.test', 'https://portal.test', 'http://a:81'])
    t.true(isAllowed(origin), origin);
  for (const origin of [
    '',
    'null',
    'http://in.test',
    'http://cloud.test',
    'https://cloud.test.evil',
    'http://a',
    'in.test:5000',
    'file://in.test:5000',
  ])
    t.false(isAllowed(origin), origin);
  t.throws(() => originsOf('portal'), { message: /consoleAllowedOrigins: portal is no origin/ });
});

test('addresses are below the public URL, whatever its path', (t) => {
  t.is(consoleUrl('https://c.test', 'novnc', 'x-_'), 'https://c.test/console/vnc.html?path=console%3Ftoken%3Dx-_');
  t.is(
    consoleUrl('http://c.test:1/a', 'novnc', 'x'),
    'http://c.test:1/a/console/vnc.html?path=a%2Fconsole%3Ftoken%3Dx',
  );
  t.is(consoleUrl('https://c.test/a', 'serial', 'x'), 'wss://c.test/a/console?token=x');
});
