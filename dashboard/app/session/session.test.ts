import test from 'ava';
import { clearSession, readSession, type Session, writeSession } from './session.ts';

const session: Session = {
  token: 't',
  loginToken: 'l',
  expiresAt: '2030-01-01T00:00:00.000000Z',
  user: { id: 'u', name: 'ada' },
  project: { id: 'p', name: 'demo' },
  roles: ['member'],
};

function storage() {
  const map = new Map<string, string>();
  return {
    map,
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, value: string) => void map.set(key, value),
    removeItem: (key: string) => void map.delete(key),
  };
}

test('a session is read back until it expires', (t) => {
  const kept = storage();
  writeSession(kept, session);
  t.deepEqual(readSession(kept, Date.parse('2029-12-31T23:59:59Z')), session);
  t.is(readSession(kept, Date.parse('2030-01-01T00:00:00Z')), null);
});

test('a cleared session is gone', (t) => {
  const kept = storage();
  writeSession(kept, session);
  clearSession(kept);
  t.is(kept.map.size, 0);
  t.is(readSession(kept, 0), null);
});

test('what somebody else left there is no session', (t) => {
  const kept = storage();
  for (const text of ['', 'null', '{', '[]', '{"token":5}']) {
    kept.setItem('cirrostack.session', text);
    t.is(readSession(kept, 0), null, text);
  }
});
