import test from 'ava';
import { nextPath } from './next-path.ts';

test('a path of the dashboard is kept with its query', (t) => {
  for (const path of ['/', '/servers/5', '/?kind=server&name=a%20b']) t.is(nextPath(path), path);
});

test('every other place is the start page', (t) => {
  const places = [
    null,
    '',
    'servers',
    'https://evil.test/',
    '//evil.test',
    '/\\evil.test',
    '/\t/evil.test',
    '\\\\evil.test',
    'javascript:alert(1)',
    '/<img src=x>',
    ' /servers',
  ];
  for (const place of places) t.is(nextPath(place), '/', String(place));
});

test('dots cannot climb to another origin', (t) => {
  t.is(nextPath('/..//evil.test'), '/');
  t.is(nextPath('/.//evil.test'), '/');
});
