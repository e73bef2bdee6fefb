import test from 'ava';
import { plainText } from './plain-text.ts';

test('colours, cursor movements and window titles leave only the text', (t) => {
  t.is(plainText('\u001b[1;31mred\u001b[0m\u001b[2J plain'), 'red plain');
  t.is(plainText('\u001b]0;title\u0007after'), 'after');
  t.is(plainText('\u001b]8;;http://evil.test\u001b\\link\u001b]8;;\u001b\\'), 'link');
  t.is(plainText('\u001bcreset'), 'reset');
});

test('lines and tabs stay, other control characters go', (t) => {
  t.is(plainText('a\r\nb\tc\u0000\u0008d\u009be'), 'a\nb\tcde');
  t.is(plainText('abc\u202edef'), 'abcdef');
});

test('markup is text like any other', (t) => {
  t.is(plainText('<img src=x onerror=alert(1)>'), '<img src=x onerror=alert(1)>');
});
