import test from 'ava';
import { PermanentFailure } from '../../../common/errors.ts';
import type { SecurityGroupRuleSpec } from '../driver.ts';
import { exampleGroup, exampleRule } from '../example-specs.ts';
import { planSecurityGroup, ruleMatch } from './security-groups.ts';
import { PlannedTables } from './testing/planned.ts';

const GROUP = '11111111-2222-3333-4444-555555555555';
const REMOTE = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const IN = 'outport == @pg_11111111_2222_3333_4444_555555555555';
const OUT = 'inport == @pg_11111111_2222_3333_4444_555555555555';

const cases: [Partial<SecurityGroupRuleSpec>, string][] = [
  [{}, `${IN} && ip4`],
  [{ direction: 'egress', ethertype: 'IPv6', protocol: 'any' }, `${OUT} && ip6`],
  [{ protocol: 'tcp', portRangeMin: 22, portRangeMax: 22 }, `${IN} && ip4 && tcp && tcp.dst == 22`],
  [{ protocol: 'UDP', portRangeMin: 1, portRangeMax: 9 }, `${IN} && ip4 && udp && udp.dst >= 1 && udp.dst <= 9`],
  [{ protocol: '132', portRangeMin: 0, portRangeMax: 65535 }, `${IN} && ip4 && sctp`],
  [
    { protocol: 'icmp', portRangeMin: 8, portRangeMax: 0 },
    `${IN} && ip4 && icmp4 && icmp4.type == 8 && icmp4.code == 0`,
  ],
  [{ protocol: 'icmp', ethertype: 'IPv6', portRangeMin: 128 }, `${IN} && ip6 && icmp6 && icmp6.type == 128`],
  [{ protocol: 'gre' }, `${IN} && ip4 && ip.proto == 47`],
  [{ protocol: '0' }, `${IN} && ip4`],
  [{ remoteIpPrefix: '10.0.0.7/8' }, `${IN} && ip4 && ip4.src == 10.0.0.0/8`],
  [{ remoteIpPrefix: '0.0.0.0/0' }, `${IN} && ip4`],
  [{ direction: 'egress', remoteIpPrefix: '10.0.0.7' }, `${OUT} && ip4 && ip4.dst == 10.0.0.7/32`],
  [{ remoteGroupId: REMOTE }, `${IN} && ip4 && ip4.src == $pg_aaaaaaaa_bbbb_cccc_dddd_eeeeeeeeeeee_ip4`],
  [
    { remoteGroupId: REMOTE, ethertype: 'IPv6', direction: 'egress' },
    `${OUT} && ip6 && ip6.dst == $pg_aaaaaaaa_bbbb_cccc_dddd_eeeeeeeeeeee_ip6`,
  ],
];

for (const [rule, match] of cases) {
  test(`a rule ${JSON.stringify(rule)} is written as it is meant`, (t) => {
    t.is(ruleMatch(GROUP, exampleRule(rule)), match);
  });
}

test('what is no value never gets into a match, even unchecked', (t) => {
  const bad: Partial<SecurityGroupRuleSpec>[] = [
    { remoteIpPrefix: '10.0.0.0/8 || 1' },
    { remoteGroupId: 'x' },
    { protocol: 'tcp || 1' },
  ];
  for (const rule of bad) {
    t.throws(() => ruleMatch(GROUP, exampleRule(rule)), { instanceOf: PermanentFailure }, JSON.stringify(rule));
  }
  t.throws(() => ruleMatch('pg || 1', exampleRule()), { instanceOf: PermanentFailure });
});

test('a group has exactly its rules, whatever it had before', (t) => {
  const group = exampleGroup(exampleRule(), exampleRule({ direction: 'egress' }));
  const tables = new PlannedTables().plan((changes) => planSecurityGroup(changes, group));
  t.deepEqual([...tables.row('Port_Group', group.id).acls].sort(), group.rules.map(({ id }) => id).sort());
  t.is(tables.row('ACL', group.rules[1]!.id).direction, 'from-lport');
  const fewer = { ...group, rules: [group.rules[1]!, exampleRule()] };
  tables.plan((changes) => planSecurityGroup(changes, fewer));
  t.deepEqual([...tables.row('Port_Group', group.id).acls].sort(), fewer.rules.map(({ id }) => id).sort());
  t.deepEqual(tables.plan((changes) => planSecurityGroup(changes, fewer)).operations, []);
});
