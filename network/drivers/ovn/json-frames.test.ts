import test from 'ava';
import { JsonFrames } from './json-frames.ts';

const messages = [{ id: 1, text: 'a "quoted" } ] \\ brace' }, [1, [2, { deep: '{' }]], { ünïcode: '✓ \u0000' }, {}];

test('messages are found whatever the pieces they arrive in', (t) => {
  const bytes = Buffer.from(messages.map((message) => JSON.stringify(message)).join(''));
  for (let size = 1; size <= bytes.length; size++) {
    const frames = new JsonFrames();
    const seen: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) seen.push(...frames.push(bytes.subarray(at, at + size)));
    t.deepEqual(seen, messages);
  }
});

test('blanks between messages are skipped and anything else is refused', (t) => {
  t.deepEqual(new JsonFrames().push(Buffer.from(' {}\r\n\t[] ')), [{}, []]);
  t.throws(() => new JsonFrames().push(Buffer.from('HTTP/1.1 400')));
  t.throws(() => new JsonFrames().push(Buffer.from('}')));
});

test('a message that is bracketed but not JSON is refused', (t) => {
  t.throws(() => new JsonFrames().push(Buffer.from('{"a" 1}')));
});
