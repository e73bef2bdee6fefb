import test from 'ava';
import { failureOf } from './failure.ts';

const byCode = (code: string) =>
  failureOf(Object.assign(new Error('what PostgreSQL says'), { code }), { requestId: 'req-1', overQuotaStatus: 403 });

test('what the database cannot store is the request’s fault, and says nothing of the database', (t) => {
  for (const code of ['22021', '22P05', '22003', '22008', '22007', '22009']) {
    const { status, message } = byCode(code);
    t.is(status, 400, code);
    t.notRegex(message, /PostgreSQL/);
  }
});

test('transactions that were in each other’s way are to be tried again, as while there is no database', (t) => {
  for (const code of ['40P01', '40001', 'ECONNREFUSED', '57P01']) {
    const { status, message } = byCode(code);
    t.is(status, 503, code);
    t.regex(message, /try again/);
  }
});

test('what nobody expected says nothing but the request’s id', (t) => {
  const { status, message } = byCode('42P01');
  t.is(status, 500);
  t.regex(message, /req-1/);
  t.notRegex(message, /PostgreSQL/);
});
