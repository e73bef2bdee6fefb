import test from 'ava';
import { BadRequest } from '../../../common/errors.ts';
import { makeNetwork } from '../../../network/testing/topology.ts';
import { startTestCloud } from '../../../tests/cloud.ts';
import { prepareCompute } from '../../testing.ts';
import { type AskedRule, newRuleOf } from './security-group-rules.ts';

const base = '/compute/v2.1';
const absent = '11111111-2222-4333-8444-555555555555';

test('security groups and their rules are made, changed and deleted in the old form', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger, admin] = [cloud.as('member'), cloud.as('stranger'), cloud.as('admin')];
  const groups = `${base}/os-security-groups`;
  const rules = `${base}/os-security-group-rules`;
  const make = async (name: string, status = 200) =>
    member.post(groups, { security_group: { name, description: 'for the test' } }, status);

  const listed = await member.get(groups);
  t.like(listed, { security_groups: [{ name: 'default', tenant_id: member.projectId }] });
  t.is(listed.security_groups[0].rules.length, 2); // of what comes in
  t.deepEqual(listed.security_groups[0].rules[0].group, { name: 'default', tenant_id: member.projectId });
  const { security_group: group } = await make(' web ');
  t.deepEqual(group, {
    id: group.id,
    name: ' web ',
    description: 'for the test',
    tenant_id: member.projectId,
    rules: [],
  });
  t.regex((await make('default', 403)).forbidden.message, /already exists/);
  await member.post(groups, { security_group: { name: 'x' } }, 400);

  const rule = (more: object, status = 200) =>
    member.post(rules, { security_group_rule: { parent_group_id: group.id, ...more } }, status);
  const ssh = { ip_protocol: 'TCP', from_port: '22', to_port: 22 };
  const { security_group_rule: first } = await rule(ssh);
  t.deepEqual(first, {
    id: first.id,
    parent_group_id: group.id,
    ip_protocol: 'tcp',
    from_port: 22,
    to_port: 22,
    group: {},
    ip_range: { cidr: '0.0.0.0/0' },
  });
  t.is((await rule(ssh, 400)).badRequest.message, `This rule already exists in group ${group.id}`);
  const { security_group_rule: second } = await rule({ group_id: group.id, ip_protocol: 'udp' });
  t.like(second, { from_port: 1, to_port: 65_535, group: { name: ' web ' }, ip_range: {} });
  const { security_group_rule: ping } = await rule({ ip_protocol: 'icmp', from_port: -1, to_port: -1, cidr: '::/0' });
  t.like(ping, { ip_protocol: 'icmp', from_port: -1, to_port: -1, ip_range: { cidr: '::/0' } });
  await rule({ group_id: absent }, 404);
  await rule({ parent_group_id: 'web', ...ssh }, 400);
  await stranger.post(rules, { security_group_rule: { parent_group_id: group.id, ...ssh, to_port: 23 } }, 404);
  await admin.put(`/network/v2.0/quotas/${member.projectId}`, { quota: { security_group_rule: 1, security_group: 1 } });
  await rule({ ...ssh, to_port: 24 }, 403);
  await make('more', 403);

  const shown = (await member.get(`${groups}/${group.id}`)).security_group;
  t.deepEqual(
    shown.rules.map((one: { id: string }) => one.id),
    [first.id, second.id, ping.id],
  );
  const changed = { name: 'web2', description: '' };
  t.like(await member.put(`${groups}/${group.id}`, { security_group: changed }), { security_group: changed });
  await stranger.get(`${groups}/${group.id}`, 404);
  t.is((await member.get(`${groups}/web`, 400)).badRequest.message, 'Security group id should be uuid');
  t.is((await admin.get(groups)).security_groups.length, 1);
  const all = (await admin.get(`${groups}?all_tenants=1`)).security_groups;
  t.true(all.some((one: { id: string }) => one.id === group.id));
  t.is((await member.get(`${groups}?all_tenants=1&limit=1&offset=1`)).security_groups.length, 1);
  await member.get(`${groups}?offset=x`, 400);

  await stranger.delete(`${rules}/${first.id}`, 404);
  await member.delete(`${rules}/${first.id}`, 202);
  await member.delete(`${rules}/${first.id}`, 404);
  await member.delete(`${groups}/${listed.security_groups[0].id}`, 400);
  await member.put(`${groups}/${listed.security_groups[0].id}`, { security_group: changed }, 400);
  await cloud.as('reader').delete(`${groups}/${group.id}`, 403);
  await member.delete(`${groups}/${group.id}`, 202);
  await member.delete(`${groups}/${group.id}`, 404);
});

test('a security group that a server has is not deleted', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  await makeNetwork(member);
  const asked = { name: 'web', description: '' };
  const { security_group: group } = await member.post(`${base}/os-security-groups`, { security_group: asked }, 200);
  const id = await createServer({ security_groups: [{ name: 'web' }] });
  await cloud.settle();
  const used = await member.delete(`${base}/os-security-groups/${group.id}`, 400);
  t.regex(used.badRequest.message, /in use/);
  const { security_groups } = await member.get(`${base}/servers/${id}/os-security-groups`);
  t.deepEqual(security_groups, [group]);
});

const asked = (more: object): AskedRule => ({ parent_group_id: absent, ...more });

test('rules from addresses need a protocol and ports; those from a group mean all of them', (t) => {
  const group_id = absent;
  t.throws(() => newRuleOf(asked({})), { message: 'Not enough parameters to build a valid rule.' });
  t.throws(() => newRuleOf(asked({ ip_protocol: 'tcp', from_port: 1 })), { instanceOf: BadRequest });
  t.like(newRuleOf(asked({ group_id })), { protocol: null, portRangeMin: null, remoteGroupId: absent });
  t.like(newRuleOf(asked({ group_id, ip_protocol: 'ICMP' })), { protocol: 'icmp', portRangeMin: null });
  const v6 = newRuleOf(asked({ ip_protocol: 'tcp', from_port: 1, to_port: 2, cidr: 'fd00::/8' }));
  t.like(v6, { ethertype: 'IPv6', remoteIpPrefix: 'fd00::/8', direction: 'ingress' });
});

test('rules that mean nothing are refused in words that tell why', (t) => {
  const refused = (more: object, message: RegExp) =>
    t.throws(() => newRuleOf(asked({ ip_protocol: 'tcp', from_port: 22, to_port: 22, ...more })), {
      instanceOf: BadRequest,
      message,
    });
  refused({ to_port: 21 }, /Former value cannot be greater/);
  refused({ from_port: 0 }, /between 1-65535/);
  refused({ to_port: 65_536 }, /between 1-65535/);
  refused({ from_port: 'ssh' }, /must be integers$/);
  refused({ ip_protocol: 'gre' }, /^Invalid IP protocol gre/);
  refused({ ip_protocol: { toString: 1 } }, /^Invalid IP protocol/);
  refused({ ip_protocol: 'icmp', from_port: 256 }, /type:code must be valid/);
  refused({ ip_protocol: 'icmp', from_port: 'echo' }, /Type and Code must be integers/);
  refused({ cidr: '10.0.0.0' }, /is not a valid IP network/);
  refused({ cidr: { toString: 1 } }, /is not a valid IP network/);
  refused({ cidr: '10.0.0.0/0' }, /^Bad prefix/);
});
