import test from 'ava';
import type { Context } from '../context.ts';
import { BadRequest, Forbidden } from '../errors.ts';
import { createEnforcer } from './enforcer.ts';
import { anyScope, definePolicy, projectMember } from './rules.ts';

const policy = definePolicy({
  'thing:create': projectMember('Create a thing'),
  'identity:show': {
    check:
      'rule:admin_required or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(target.user.id)s',
    scopes: anyScope,
    description: 'Show a user',
  },
});
const rules = Object.values(policy);
const ctx = (changes: Partial<Context>): Context => ({
  requestId: 'req-1',
  userId: 'u',
  userDomainId: 'd',
  projectId: 'p',
  domainId: null,
  system: false,
  roles: ['member', 'reader'],
  isAdmin: false,
  delegation: null,
  token: { auditIds: ['a'], methods: ['password'], issuedAt: new Date(0), expiresAt: new Date(0) },
  ...changes,
});

test('the default rule allows members of the project and names itself and the role to others', (t) => {
  const enforcer = createEnforcer(rules);
  t.notThrows(() => enforcer.authorize(ctx({}), policy['thing:create']));
  t.throws(() => enforcer.authorize(ctx({ roles: ['reader'] }), policy['thing:create']), {
    instanceOf: Forbidden,
    message:
      "Policy doesn't allow thing:create to be performed: it requires the role admin on a project or the system, or the role member on the project (you have the role reader on the project p).",
  });
  t.false(enforcer.allows(ctx({}), policy['thing:create'], { project_id: 'another' }));
});

test('a token of another scope is refused whatever its roles, and whatever the file says', (t) => {
  const system = ctx({ projectId: null, system: true, roles: ['admin'], isAdmin: true });
  for (const overrides of [{ owner: '@' }, { 'thing:create': '@' }] as Record<string, string>[]) {
    const enforcer = createEnforcer(rules, overrides);
    t.false(enforcer.allows(system, policy['thing:create']));
    t.throws(() => enforcer.authorize(system, policy['thing:create']), { message: /scoped to a project \(yours is/ });
  }
});

test('a refusal says the same of what is somebody else’s as of what is nowhere', (t) => {
  const enforcer = createEnforcer(rules);
  const refuse = (target: object) =>
    t.throws(() => enforcer.authorize(ctx({}), policy['identity:show'], target as Record<string, string>))?.message;
  const message = refuse({});
  t.is(refuse({ 'target.user.id': 'secret', 'target.user.domain_id': 'hidden' }), message);
  t.is(
    message,
    "Policy doesn't allow identity:show to be performed: it requires the role admin on a project or the system, or the role reader on the system, or the role reader on the domain of the user, or to be the user (you have the roles member, reader on the project p).",
  );
});

test('an override replaces the default, also of a part of others', (t) => {
  const reader = ctx({ roles: ['reader'] });
  t.true(createEnforcer(rules, { 'thing:create': 'role:reader' }).allows(reader, policy['thing:create']));
  const byPart = createEnforcer(rules, { project_member_api: 'role:reader and project_id:%(project_id)s' });
  t.true(byPart.allows(reader, policy['thing:create']));
  t.false(byPart.allows(reader, policy['thing:create'], { project_id: 'another' }));
});

test('a file may define rules of its own for others to refer to', (t) => {
  const overrides = { 'thing:create': 'rule:auditor', auditor: 'role:auditor' };
  const enforcer = createEnforcer(rules, overrides);
  t.true(enforcer.allows(ctx({ roles: ['auditor'] }), policy['thing:create']));
  t.false(enforcer.allows(ctx({ roles: ['member'] }), policy['thing:create']));
  t.is(enforcer.effective(policy['thing:create']), 'rule:auditor');
});

for (const [what, overrides, message] of [
  ['a name that is no rule', { 'thing:craete': '@' }, /thing:craete is no rule/],
  ['a reference to no rule', { 'thing:create': 'rule:nowhere' }, /thing:create refers to rule:nowhere/],
  ['a rule that refers to itself', { 'thing:create': 'rule:thing:create' }, /refers to itself/],
  ['a circle', { 'thing:create': 'rule:a', a: 'rule:b', b: 'not rule:a' }, /a refers to itself: a → b → a/],
  ['a circle of defaults', { owner: 'rule:admin_or_owner' }, /refers to itself/],
  ['an attribute no token has', { 'thing:create': 'not projct_id:%(project_id)s' }, /asks for projct_id:/],
  ['what does not parse', { 'thing:create': 'role:a and' }, /^thing:create: .*ends too early/],
  ['what doubles at each step', doubling(30), /comes to more than/],
  ['a long way to the last', chain(1000), /more than \d+ deep/],
] as [string, Record<string, string>, RegExp][])
  test(`${what} is refused`, (t) => {
    t.throws(() => createEnforcer(rules, overrides), { instanceOf: BadRequest, message });
    const enforcer = createEnforcer(rules, { 'thing:create': '!' });
    t.throws(() => enforcer.replace(overrides), { instanceOf: BadRequest });
    t.is(enforcer.effective(policy['thing:create']), '!', 'what was in force stays');
  });

function doubling(times: number): Record<string, string> {
  const entries = Array.from({ length: times }, (_, i) => [`r${i}`, `rule:r${i + 1} or rule:r${i + 1}`]);
  return { 'thing:create': 'rule:r0', ...Object.fromEntries(entries), [`r${times}`]: '@' };
}

function chain(length: number): Record<string, string> {
  const entries = Array.from({ length }, (_, i) => [`r${i}`, `rule:r${i + 1}`]);
  return { 'thing:create': 'rule:r0', ...Object.fromEntries(entries), [`r${length}`]: '@' };
}

test('a rule that was never registered denies, and so does one of its name that is a part of others', (t) => {
  const admin = ctx({ roles: ['admin'], isAdmin: true });
  t.false(createEnforcer([]).allows(admin, policy['thing:create']));
  t.throws(() => createEnforcer([]).authorize(admin, policy['thing:create']), { instanceOf: Forbidden });
  const { owner } = definePolicy({ owner: projectMember('No operation') });
  t.false(createEnforcer([]).allows(admin, owner));
});

test('two rules of one name are a mistake of ours', (t) => {
  t.throws(() => createEnforcer([...rules, { ...policy['thing:create'] }]), { message: /thing:create/ });
});

test('an explanation tells of each part whether it held', (t) => {
  const enforcer = createEnforcer(rules);
  const verdict = enforcer.explain(ctx({ roles: ['reader'] }), policy['thing:create']);
  t.false(verdict.allowed);
  t.deepEqual(verdict.scope, { held: 'project', allowed: ['project'] });
  const [byAdmin, byMember] = verdict.check.parts?.[0]?.parts ?? [];
  t.like(byAdmin, { check: 'rule:context_is_admin', held: false });
  t.like(byMember?.parts?.[0], { check: 'role:member and project_id:%(project_id)s', held: false });
  t.deepEqual(byMember?.parts?.[0]?.parts, [
    { check: 'role:member', held: false, because: 'the role member is missing' },
    { check: 'project_id:%(project_id)s', held: true, because: 'project_id is p' },
  ]);
});

test('an explanation agrees with the decision', (t) => {
  const enforcer = createEnforcer(rules);
  const callers = [
    ctx({}),
    ctx({ roles: ['admin'], isAdmin: true }),
    ctx({ projectId: null, domainId: 'd', roles: ['reader'] }),
    ctx({ projectId: null, system: true, roles: ['reader'] }),
    ctx({ projectId: null, roles: [] }),
  ];
  const targets = [{}, { 'target.user.id': 'u' }, { 'target.user.domain_id': 'd' }, { project_id: 'p' }];
  for (const caller of callers)
    for (const target of targets)
      for (const rule of rules) {
        const { allowed, scope, check } = enforcer.explain(caller, rule, target);
        t.is(allowed, enforcer.allows(caller, rule, target));
        t.is(allowed, check.held && scope.allowed.includes(scope.held));
      }
});

test('a decision costs little', (t) => {
  const enforcer = createEnforcer(rules);
  const target = { 'target.user.id': 'v', 'target.user.domain_id': 'e' };
  const began = performance.now();
  for (let i = 0; i < 100_000; i += 1) enforcer.allows(ctx({}), policy['identity:show'], target);
  t.true(performance.now() - began < 2000); // a hundredth of that on an idle machine
});
