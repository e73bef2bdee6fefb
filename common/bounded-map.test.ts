import test from 'ava';
import { boundedMap } from './bounded-map.ts';

test('the oldest go when there are too many, or too much', (t) => {
  const map = boundedMap<string>({ entries: 3, total: 10 }, (value) => value.length);
  for (const key of ['a', 'b', 'c', 'd']) map.set(key, 'x');
  t.deepEqual([map.has('a'), map.has('b'), map.size], [false, true, 3]);
  map.set('long', 'x'.repeat(9));
  t.deepEqual([map.get('d'), map.get('long'), map.size], ['x', 'x'.repeat(9), 2]);
  map.set('long', 'y');
  map.set('e', 'x'.repeat(8));
  t.deepEqual(
    [map.get('d'), map.get('long'), map.get('e')],
    ['x', 'y', 'x'.repeat(8)],
    'what is replaced weighs no more',
  );
});

test('what is too much by itself is not kept, and takes nothing else along', (t) => {
  const map = boundedMap<string>({ entries: 3, total: 10 }, (value) => value.length);
  map.set('a', 'x');
  map.set('huge', 'x'.repeat(11));
  t.deepEqual([map.get('a'), map.get('huge')], ['x', undefined]);
});
