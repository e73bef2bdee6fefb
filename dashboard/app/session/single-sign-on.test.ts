import test from 'ava';
import { beginSingleSignOn, endSingleSignOn } from './single-sign-on.ts';

test('only the tab that began a log-in elsewhere ends it, and once', (t) => {
  const map = new Map<string, string>();
  const storage = {
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, value: string) => void map.set(key, value),
    removeItem: (key: string) => void map.delete(key),
  };
  t.is(endSingleSignOn(storage), null);
  beginSingleSignOn(storage, '/servers');
  t.is(endSingleSignOn(storage), '/servers');
  t.is(endSingleSignOn(storage), null);
});
