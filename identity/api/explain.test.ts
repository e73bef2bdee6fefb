import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Client, startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { defaultDomainId } from '../domains/store.ts';

const path = '/identity/v3/explain';
const ask = async (client: Client, explain: object, status = 200) => {
  const answer = await client.post(path, { explain }, status);
  return status === 200 ? answer.explanation : answer.error;
};

async function roleId(cloud: TestCloud, name: string): Promise<string> {
  return (await cloud.db('roles').where({ name, domain_id: null }).first('id')).id;
}

/** A group that the member is in, and to which the role is given: on a target, or inherited from it. */
async function giveByGroup(cloud: TestCloud, group: string, role: string, target: object): Promise<void> {
  const id = `group-${group}`;
  await cloud.db('groups').insert({ id, name: group, domain_id: defaultDomainId });
  await cloud.db('group_members').insert({ group_id: id, user_id: cloud.as('member').userId });
  await cloud.db('role_assignments').insert({ group_id: id, role_id: await roleId(cloud, role), ...target });
}

async function childProject(cloud: TestCloud, parentId: string): Promise<string> {
  const project = { name: 'child', parent_id: parentId };
  return (await cloud.as('admin').post('/identity/v3/projects', { project }, 201)).project.id;
}

test('who asks nothing else is told of their own token', async (t) => {
  const member = (await startTestCloud(t)).as('member');
  const denied = await ask(member, { rule: 'identity:create_user' });
  t.false(denied.allowed);
  t.regex(denied.summary, /^identity:create_user is not allowed: it requires the role admin/);
  t.true(denied.summary.includes(`the user has the roles member, reader on the project ${member.projectId}`));
  t.like(denied, { user: { id: member.userId, name: 'member' }, scope: { project: { id: member.projectId } } });
  const allowed = await ask(member, { rule: 'os_compute_api:servers:create' });
  t.true(allowed.allowed);
  t.is(
    allowed.summary,
    `os_compute_api:servers:create is allowed: the role member is held and project_id is ${member.projectId}.`,
  );
  t.like(allowed.rule, { check: 'rule:project_member_or_admin', scopes: ['project'] });
  t.true(allowed.check.held);
});

test('roles come with the assignment, the group, the inheritance and the implication that they are from', async (t) => {
  const cloud = await startTestCloud(t);
  const { projectId, userId } = cloud.as('member');
  const child = await childProject(cloud, projectId);
  await giveByGroup(cloud, 'inheriting', 'member', { project_id: projectId, inherited: true });
  await giveByGroup(cloud, 'everywhere', 'reader', { domain_id: defaultDomainId, inherited: true });
  await giveByGroup(cloud, 'not-here', 'admin', { domain_id: defaultDomainId });
  const question = { rule: 'os_compute_api:servers:create', user: { id: userId }, scope: { project: { id: child } } };
  const { allowed, roles } = await ask(cloud.as('admin'), question);
  t.true(allowed);
  t.deepEqual(
    roles.map((role: { name: string }) => role.name),
    ['member', 'reader'],
  );
  const [memberRole, readerRole] = await Promise.all(['member', 'reader'].map((name) => roleId(cloud, name)));
  const inheriting = { id: 'group-inheriting', name: 'inheriting' };
  const from = {
    role: { id: memberRole, name: 'member' },
    group: inheriting,
    inherited_from: { project: { id: projectId, name: 'p1' } },
  };
  t.deepEqual(roles[0].from, [{ ...from, implied_by: [] }]);
  t.deepEqual(roles[1].from, [
    { ...from, implied_by: [{ id: memberRole, name: 'member' }] },
    {
      role: { id: readerRole, name: 'reader' },
      group: { id: 'group-everywhere', name: 'everywhere' },
      inherited_from: { domain: { id: defaultDomainId, name: 'Default' } },
      implied_by: [],
    },
  ]);
});

test('an explanation agrees with what a token can do there', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  for (const persona of ['admin', 'member', 'reader'] as const) {
    const client = cloud.as(persona);
    for (const [rule, url] of [
      ['identity:list_users', '/identity/v3/users'],
      ['os_compute_api:servers:detail', '/compute/v2.1/servers/detail'],
      ['os_compute_api:os-hypervisors:list', '/compute/v2.1/os-hypervisors'],
    ] as const) {
      const scope = { project: { id: client.projectId } };
      const { allowed } = await ask(admin, { rule, user: { id: client.userId }, scope });
      const { status } = await client.request({ method: 'GET', path: url });
      t.is(status, allowed ? 200 : 403, `${persona} ${rule}`);
    }
  }
});

test('what the request would be about decides where the rule looks at it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const about = (target: object) => ask(member, { rule: 'identity:get_user', target });
  t.true((await about({ 'target.user.id': member.userId })).allowed);
  const other = await about({ 'target.user.id': 'somebody' });
  t.false(other.allowed);
  t.deepEqual(other.target, { 'target.user.id': 'somebody' });
  t.true(JSON.stringify(other.check).includes(`user_id is ${member.userId}, target.user.id of the target is somebody`));
  t.false((await about({})).allowed);
});

test('of another scope one is told what one would have there', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const question = { rule: 'identity:list_users', scope: { system: { all: true } } };
  t.true((await ask(admin, question)).allowed);
  const member = await ask(cloud.as('member'), question);
  t.like(member, { allowed: false, token_obtainable: false, roles: [] });
  t.regex(member.summary, /the user has no role on the system/);
  const unscoped = await ask(cloud.as('member'), {
    rule: 'os_compute_api:servers:create',
    scope: { unscoped: {} },
  });
  t.like(unscoped, { allowed: false, token_obtainable: true, scope_held: false });
  t.regex(unscoped.summary, /it requires a token scoped to a project \(it is unscoped\)/);
});

test('a project that is disabled gives no token, and one that is somebody else’s is as one that is not there', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, stranger] = [cloud.as('member'), cloud.as('stranger')];
  const at = (id: string) => ask(member, { rule: 'get_network', scope: { project: { id } } });
  const mask = (answer: object, id: string) => JSON.stringify(answer).replaceAll(id, 'ID');
  const nowhere = 'f'.repeat(32);
  t.is(mask(await at(stranger.projectId), stranger.projectId), mask(await at(nowhere), nowhere));
  await member.token();
  const disabled = { project: { enabled: false } };
  await cloud.as('admin').patch(`/identity/v3/projects/${member.projectId}`, disabled, 200);
  const user = { id: member.userId };
  const scope = { project: { id: member.projectId } };
  const { allowed, summary } = await ask(cloud.as('admin'), { rule: 'get_network', user, scope });
  t.false(allowed);
  t.regex(summary, /the project is disabled/);
});

test('another’s explanation is for administrators and readers of the system alone', async (t) => {
  const cloud = await startTestCloud(t);
  const question = { rule: 'get_network', user: { id: cloud.as('member').userId } };
  for (const persona of ['reader', 'stranger', 'nobody'] as const) {
    const refused = await ask(cloud.as(persona), question, 403);
    const absent = await ask(cloud.as(persona), { ...question, user: { id: 'f'.repeat(32) } }, 403);
    t.is(refused.message, absent.message);
    t.regex(refused.message, /identity:explain/);
    await ask(cloud.as(persona), { rule: 'get_network' });
  }
  await cloud.anonymous.post(path, { explain: question }, 401);
  await ask(cloud.as('admin'), { ...question, user: { id: 'f'.repeat(32) } }, 404);
  await ask(cloud.as('member'), question);
});

test('a rule that does not exist, and a body of another form, are refused', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  for (const explain of [
    {},
    { rule: '' },
    { rule: 7 },
    { rule: 'identity:nothing' },
    { rule: 'admin_required' },
    { rule: '__proto__' },
    { rule: 'get_network', user: 'x' },
    { rule: 'get_network', user: { id: 'a\0b' } },
    { rule: 'get_network', scope: {} },
    { rule: 'get_network', scope: { system: { all: false } } },
    { rule: 'get_network', scope: { project: { name: 'p1' } } },
    { rule: 'get_network', target: { user: { id: 'x' } } },
    { rule: 'get_network', target: [] },
    { rule: 'get_network', extra: true },
  ])
    await ask(member, explain, 400);
  await member.post(path, {}, 400);
});

test('what an operator’s file says is what is explained', async (t) => {
  const cloud = await startTestCloud(t, await policyFile(t, '"identity:create_user": "role:member"\n'));
  const { allowed, rule } = await ask(cloud.as('member'), { rule: 'identity:create_user' });
  t.true(allowed);
  t.is(rule.check, 'role:member');
  t.not(rule.default_check, 'role:member');
});

async function policyFile(t: ExecutionContext, content: string): Promise<{ policyFile: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-explain-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'policy.yaml'), content);
  return { policyFile: join(directory, 'policy.yaml') };
}
