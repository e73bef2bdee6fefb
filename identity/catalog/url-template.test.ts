import test from 'ava';
import { BadRequest } from '../../common/errors.ts';
import { fillUrlTemplate, parseUrlTemplate } from './url-template.ts';

const subject = { userId: 'u1', projectId: 'p1' };
const filled = (url: string, who: { userId: string; projectId: string | null } = subject) =>
  fillUrlTemplate(parseUrlTemplate(url), who);

test('a URL is filled with the ids of the token, in either notation', (t) => {
  t.is(filled('http://h/v1'), 'http://h/v1');
  t.is(filled('http://h/%(project_id)s/x'), 'http://h/p1/x');
  t.is(filled('http://h/$(tenant_id)s/$(user_id)s'), 'http://h/p1/u1');
  t.is(filled('http://h/AUTH_%(tenant_id)s'), 'http://h/AUTH_p1');
  t.is(filled('http://h/a%%20b/$x'), 'http://h/a%20b/$x');
});

test('a URL that needs a project is nothing without one', (t) => {
  t.is(filled('http://h/%(project_id)s', { userId: 'u1', projectId: null }), undefined);
  t.is(filled('http://h/%(user_id)s', { userId: 'u1', projectId: null }), 'http://h/u1');
});

test('nothing but named keys is substituted, and nothing twice', (t) => {
  for (const url of [
    'http://h/%(admin_token)s',
    'http://h/$(databaseUrl)s',
    'http://h/%(constructor)s',
    'http://h/%(__proto__)s',
    'http://h/%(project_id)d',
    'http://h/%(project_id)',
    'http://h/$(project_id',
    'http://h/%20',
    'http://h/%',
    'http://h/%()s',
  ])
    t.throws(() => parseUrlTemplate(url), { instanceOf: BadRequest }, url);
  t.is(filled('http://h/%(user_id)s', { userId: '%(project_id)s', projectId: 'p1' }), 'http://h/%(project_id)s');
});
