import test from 'ava';
import { accessRuleMatches } from './access-rule.ts';

const asked = (path: string, method = 'GET', service = 'compute') => ({ service, method, path });
const rule = (path: string, method = 'GET', service = 'compute') => ({ service, method, path });

test('a rule allows its own service, method and path only', (t) => {
  t.true(accessRuleMatches(rule('/v2.1/servers'), asked('/v2.1/servers')));
  t.false(accessRuleMatches(rule('/v2.1/servers'), asked('/v2.1/servers', 'POST')));
  t.false(accessRuleMatches(rule('/v2.1/servers'), asked('/v2.1/servers', 'GET', 'image')));
  t.false(accessRuleMatches(rule('/v2.1/servers'), asked('/v2.1/servers/1')));
  t.false(accessRuleMatches(rule('/v2.1/servers'), { service: undefined, method: 'GET', path: '/v2.1/servers' }));
});

test('one star is one segment, two are any number', (t) => {
  for (const one of ['/v2.1/servers/*', '/v2.1/servers/{server_id}']) {
    t.true(accessRuleMatches(rule(one), asked('/v2.1/servers/1')));
    t.false(accessRuleMatches(rule(one), asked('/v2.1/servers')));
    t.false(accessRuleMatches(rule(one), asked('/v2.1/servers/1/ips')));
  }
  t.true(accessRuleMatches(rule('/v2.1/**'), asked('/v2.1')));
  t.true(accessRuleMatches(rule('/v2.1/**'), asked('/v2.1/servers/1/ips')));
  t.true(accessRuleMatches(rule('/**/ips'), asked('/v2.1/servers/1/ips')));
  t.false(accessRuleMatches(rule('/**/ips'), asked('/v2.1/servers/1')));
});

test('what stands for regular expressions elsewhere stands for itself', (t) => {
  t.false(accessRuleMatches(rule('/v2.1/server.'), asked('/v2.1/servers')));
  t.false(accessRuleMatches(rule('/v2.1/se*'), asked('/v2.1/servers')));
});
