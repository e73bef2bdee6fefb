import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { base, makeNetwork, makePort } from '../testing/topology.ts';

const groups = `${base}/security-groups`;
const rules = `${base}/security-group-rules`;

test('every project has one default group, however many look for it at once', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const lists = await Promise.all(Array.from({ length: 6 }, () => member.get(groups)));
  const ids = new Set(lists.flatMap((list) => list.security_groups.map((group: { id: string }) => group.id)));
  t.is(ids.size, 1);
  const [group] = lists[0].security_groups;
  t.like(group, { name: 'default', project_id: member.projectId });
  const shapes = group.security_group_rules.map(
    (rule: { direction: string; ethertype: string; remote_group_id: string | null }) =>
      `${rule.direction} ${rule.ethertype} ${rule.remote_group_id === group.id ? 'from itself' : 'any'}`,
  );
  t.deepEqual(shapes.toSorted(), [
    'egress IPv4 any',
    'egress IPv6 any',
    'ingress IPv4 from itself',
    'ingress IPv6 from itself',
  ]);
  await cloud.settle();
  t.is(cloud.engines.network.objects['security-group'].get(group.id)?.rules.length, 4);
  t.is((await member.delete(`${groups}/${group.id}`, 409)).NeutronError.type, 'SecurityGroupCannotRemoveDefault');
  await member.put(`${groups}/${group.id}`, { security_group: { name: 'other' } }, 409);
  await member.put(`${groups}/${group.id}`, { security_group: { description: 'ours' } });
  await member.post(groups, { security_group: { name: 'default' } }, 409);
});

test('a group is drawn with its rules as they come and go', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { security_group: group } = await member.post(groups, { security_group: { name: 'web' } });
  t.is(group.security_group_rules.length, 2);
  const rule = {
    security_group_id: group.id,
    direction: 'ingress',
    protocol: 'TCP',
    port_range_min: 80,
    port_range_max: 80,
  };
  const { security_group_rule: made } = await member.post(rules, {
    security_group_rule: { ...rule, remote_ip_prefix: '10.1.2.3/8' },
  });
  t.like(made, { protocol: 'tcp', ethertype: 'IPv4', remote_ip_prefix: '10.0.0.0/8', port_range_min: 80 });
  await cloud.settle();
  const drawn = () => cloud.engines.network.objects['security-group'].get(group.id)?.rules ?? [];
  t.is(drawn().length, 3);
  t.like(
    drawn().find((one) => one.id === made.id),
    { protocol: 'tcp', remoteIpPrefix: '10.0.0.0/8' },
  );
  const twice = await member.post(rules, { security_group_rule: { ...rule, remote_ip_prefix: '10.0.0.0/8' } }, 409);
  t.is(twice.NeutronError.type, 'SecurityGroupRuleExists');
  t.true(twice.NeutronError.message.includes(made.id));
  await member.delete(`${rules}/${made.id}`);
  await member.get(`${rules}/${made.id}`, 404);
  await cloud.settle();
  t.is(drawn().length, 2);
  const { security_group_rules: several } = await member.post(rules, {
    security_group_rules: [22, 443].map((port) => ({ ...rule, port_range_min: port, port_range_max: port })),
  });
  t.is(several.length, 2);
  t.is((await member.get(`${rules}?security_group_id=${group.id}&direction=ingress`)).security_group_rules.length, 2);
  await member.delete(`${groups}/${group.id}`);
  await cloud.settle();
  t.false(cloud.engines.network.objects['security-group'].has(group.id));
  t.deepEqual(await cloud.db('security_groups').where({ id: group.id }), []);
});

test('rules that no engine could carry out are refused', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { security_group: group } = await member.post(groups, { security_group: { name: 'g' } });
  const refused = (rule: object, status = 400) =>
    member.post(rules, { security_group_rule: { security_group_id: group.id, direction: 'ingress', ...rule } }, status);
  await refused({ protocol: 'nonsense' });
  await refused({ protocol: '256' });
  await refused({ protocol: 'icmpv6' });
  await refused({ port_range_min: 1, port_range_max: 2 });
  await refused({ protocol: 'gre', port_range_min: 1, port_range_max: 2 });
  await refused({ protocol: 'tcp', port_range_min: 2, port_range_max: 1 });
  await refused({ protocol: 'tcp', port_range_min: 2 });
  await refused({ protocol: 'tcp', port_range_min: 0, port_range_max: 70000 });
  await refused({ protocol: 'icmp', port_range_max: 0 });
  await refused({ protocol: 'icmp', port_range_min: 256 });
  await refused({ remote_ip_prefix: 'nonsense' });
  await refused({ remote_ip_prefix: 'fd00::/8' });
  await refused({ remote_ip_prefix: '10.0.0.0/8', remote_group_id: group.id });
  await refused({ direction: 'sideways' });
  await refused({ remote_group_id: '1b4c1b6e-0000-4000-8000-000000000000' }, 404);
  const { security_groups: foreign } = await cloud.as('stranger').get(groups);
  await refused({ remote_group_id: foreign[0].id }, 404);
  await refused({ security_group_id: foreign[0].id }, 404);
  t.is((await member.get(`${groups}/${group.id}`)).security_group.security_group_rules.length, 2);
});

test('a group stays while a port has it, and takes the rules that name it along', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { network } = await makeNetwork(member);
  const { security_group: used } = await member.post(groups, { security_group: { name: 'used' } });
  const { security_group: naming } = await member.post(groups, { security_group: { name: 'naming' } });
  await member.post(rules, {
    security_group_rule: { security_group_id: naming.id, direction: 'ingress', remote_group_id: used.id },
  });
  const port = await makePort(member, network.id, { security_groups: [used.id] });
  t.is((await member.delete(`${groups}/${used.id}`, 409)).NeutronError.type, 'SecurityGroupInUse');
  await member.put(`${base}/ports/${port.id}`, { port: { security_groups: [naming.id] } });
  await member.delete(`${groups}/${used.id}`);
  await cloud.settle();
  t.is(cloud.engines.network.objects['security-group'].get(naming.id)?.rules.length, 2);
  t.deepEqual(cloud.engines.network.objects.port.get(port.id)?.securityGroupIds, [naming.id]);
});

test('a stranger can do nothing with a group or its rules', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger, reader] = [cloud.as('member'), cloud.as('stranger'), cloud.as('reader')];
  const { security_group: group } = await member.post(groups, { security_group: { name: 'g' } });
  const [rule] = group.security_group_rules;
  await stranger.get(`${groups}/${group.id}`, 404);
  await stranger.put(`${groups}/${group.id}`, { security_group: { name: 'x' } }, 404);
  await stranger.delete(`${groups}/${group.id}`, 404);
  await stranger.get(`${rules}/${rule.id}`, 404);
  await stranger.delete(`${rules}/${rule.id}`, 404);
  t.is((await stranger.get(`${rules}?security_group_id=${group.id}`)).security_group_rules.length, 0);
  await reader.get(`${groups}/${group.id}`);
  await reader.delete(`${rules}/${rule.id}`, 403);
});

test('groups that name each other, and their rules, are deleted at once by everybody without a deadlock', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const remove = async (path: string) => (await member.request({ method: 'DELETE', path })).status;
  for (let round = 0; round < 20; round += 1) {
    const names = [`a${round}`, `b${round}`];
    const [a, b] = await Promise.all(
      names.map(async (name) => (await member.post(groups, { security_group: { name } })).security_group.id),
    );
    const made = await Promise.all(
      [
        [a, b],
        [b, a],
      ].map(async ([group, remote]) => {
        const rule = { security_group_id: group, direction: 'ingress', remote_group_id: remote };
        return (await member.post(rules, { security_group_rule: rule })).security_group_rule.id;
      }),
    );
    const doomed = [`${groups}/${a}`, `${groups}/${b}`, ...made.map((id) => `${rules}/${id}`)];
    // With the rules only every other round, because they are gone before the groups could meet.
    const statuses = await Promise.all((round % 2 === 0 ? doomed.slice(0, 2) : doomed).map(remove));
    t.true(
      statuses.every((status) => status === 204 || status === 404),
      `round ${round}: ${statuses}`,
    );
    for (const id of [a, b]) t.is(await remove(`${groups}/${id}`), 404);
  }
});

test('of two that delete one rule only one does', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { security_group: group } = await member.post(groups, { security_group: { name: 'once' } });
  const [{ id }] = group.security_group_rules;
  const both = await Promise.all([1, 2].map(() => member.request({ method: 'DELETE', path: `${rules}/${id}` })));
  t.deepEqual(both.map((one) => one.status).toSorted(), [204, 404]);
});
