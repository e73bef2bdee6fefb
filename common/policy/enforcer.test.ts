import test from 'ava';
import type { Context } from '../context.ts';
import { BadRequest, Forbidden } from '../errors.ts';
import { createEnforcer } from './enforcer.ts';
import { definePolicy, projectMember } from './rules.ts';

const policy = definePolicy({ 'thing:create': projectMember('Create a thing') });
const ctx = (changes: Partial<Context>): Context => ({
  requestId: 'req-1',
  userId: 'u',
  userDomainId: 'd',
  projectId: 'p',
  domainId: null,
  system: false,
  roles: ['member', 'reader'],
  isAdmin: false,
  token: { auditIds: ['a'], methods: ['password'], issuedAt: new Date(0), expiresAt: new Date(0) },
  ...changes,
});

test('the default rule allows members of the project and names itself to others', (t) => {
  const enforcer = createEnforcer([policy['thing:create']]);
  t.notThrows(() => enforcer.authorize(ctx({}), policy['thing:create']));
  const error = t.throws(() => enforcer.authorize(ctx({ roles: ['reader'] }), policy['thing:create']), {
    instanceOf: Forbidden,
  });
  t.regex(error?.message ?? '', /thing:create.*role:member/);
  t.false(enforcer.allows(ctx({}), policy['thing:create'], { project_id: 'another' }));
});

test('a token of another scope is refused whatever its roles', (t) => {
  const enforcer = createEnforcer([policy['thing:create']]);
  t.false(enforcer.allows(ctx({ projectId: null, system: true, roles: ['admin'] }), policy['thing:create']));
});

test('an override replaces the default, and one for no rule is refused', (t) => {
  const enforcer = createEnforcer([policy['thing:create']], { 'thing:create': 'role:reader' });
  t.true(enforcer.allows(ctx({ roles: ['reader'] }), policy['thing:create']));
  t.throws(() => createEnforcer([policy['thing:create']], { 'thing:craete': '@' }), { instanceOf: BadRequest });
});

test('a rule that was never registered denies', (t) => {
  t.false(createEnforcer([]).allows(ctx({ roles: ['admin'] }), policy['thing:create']));
});
