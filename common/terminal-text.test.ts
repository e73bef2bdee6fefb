import test from 'ava';
import { withoutControls } from './terminal-text.ts';

test('of what was printed to a terminal, what steers it goes, whole', (t) => {
  t.is(withoutControls('\u001b[1;31mred\u001b[0m\u001b[2J plain\u001b(B\u001bc'), 'red plain');
  t.is(withoutControls('a\u001b]0;title\u0007b\u001b]0;title\u009cc'), 'abc');
  t.is(withoutControls('\u001b]8;;http://evil.test\u001b\\link\u001b]8;;\u001b\\'), 'link');
  t.is(withoutControls('one\r\ntwo\tand\u0000 \u009bthree\u007f\n'), 'one\ntwo\tand three\n');
});

test('nothing that can be read is lost after a command that nothing ends', (t) => {
  t.is(withoutControls('a\n\u001b]Rkernel panic: …\nline2\n'), 'a\nkernel panic: …\nline2\n');
  t.is(withoutControls('a\n\u001b]P0a1B2c3dead\u001b]PFffffffbeef\n'), 'a\ndeadbeef\n');
  t.is(withoutControls('\u001b]0;cut off\nline2\nbell\u0007\n'), '0;cut off\nline2\nbell\n');
  t.is(withoutControls('\u001b]0;cut\u001b[31m off\u0007 here'), '0;cut off here');
  t.is(withoutControls('the end\u001b]0;tit'), 'the end0;tit');
  t.is(withoutControls('the end\u001b]'), 'the end');
});
