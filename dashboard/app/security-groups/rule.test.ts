import test from 'ava';
import { portRange, type Rule, trafficOf } from './rule.ts';

const rule = (fields: Partial<Rule>) =>
  ({ protocol: null, port_range_min: null, port_range_max: null, ...fields }) as Rule;

test('a rule says what it lets through', (t) => {
  t.is(trafficOf(rule({})), 'any');
  t.is(trafficOf(rule({ protocol: 'tcp' })), 'TCP');
  t.is(trafficOf(rule({ protocol: 'tcp', port_range_min: 22, port_range_max: 22 })), 'TCP 22');
  t.is(trafficOf(rule({ protocol: 'udp', port_range_min: 1, port_range_max: 9 })), 'UDP 1–9');
  t.is(trafficOf(rule({ protocol: 'icmp', port_range_min: 8, port_range_max: 0 })), 'ICMP type 8 code 0');
});

test('ports are one, a range, or all', (t) => {
  t.deepEqual(portRange('22'), { min: 22, max: 22 });
  t.deepEqual(portRange(' 8000 - 8010 '), { min: 8000, max: 8010 });
  t.is(portRange(''), null);
  for (const text of ['0', '65536', '9-1', 'ssh', '1-2-3', '-5']) t.is(portRange(text), undefined, text);
});
