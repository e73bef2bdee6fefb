/** Who may do what, as a table that a person reads: every rule by every role and scope. Changing a rule changes the table. */
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { rules } from '../cloud.ts';
import type { Context } from '../common/context.ts';
import { createEnforcer } from '../common/policy/enforcer.ts';
import type { Rule } from '../common/policy/rules.ts';
import { startTestCloud } from './cloud.ts';

const snapshot = new URL('./policy-matrix.md', import.meta.url);

const chain = ['reader', 'member', 'manager', 'admin'];
const withImplied = (role: string) => chain.slice(0, chain.indexOf(role) + 1);

const scopes: Record<string, Partial<Context>> = {
  project: { projectId: 'p' },
  domain: { domainId: 'd' },
  system: { system: true },
};

/** Every role on every scope, and somebody without either. */
const personas: { title: string; ctx: Context }[] = [
  { title: 'unscoped', ctx: context({}, []) },
  ...Object.entries(scopes).flatMap(([scope, facts]) =>
    chain.map((role) => ({ title: `${scope} ${role}`, ctx: context(facts, withImplied(role)) })),
  ),
  { title: 'project service', ctx: context({ projectId: 'p' }, ['service']) },
];

function context(facts: Partial<Context>, roles: string[]): Context {
  return {
    requestId: 'req',
    userId: 'u',
    userDomainId: 'd',
    projectId: null,
    domainId: null,
    system: false,
    roles,
    isAdmin: roles.includes('admin') && !('domainId' in facts),
    token: { auditIds: [], methods: [], issuedAt: new Date(0), expiresAt: new Date(0) },
    ...facts,
  };
}

/** What is theirs and what is somebody else's, as the route's rule sees it. */
const own = { project_id: 'p', user_id: 'u', domain_id: 'd', 'target.project.id': 'p', 'target.user.id': 'u' };
const foreign = Object.fromEntries(Object.keys(own).map((key) => [key, 'somebody else']));

function cell(enforcer: ReturnType<typeof createEnforcer>, ctx: Context, rule: Rule): string {
  if (enforcer.allows(ctx, rule, foreign)) return 'all';
  return enforcer.allows(ctx, rule, own) ? 'own' : '·';
}

test('every role may do what the table says, and nothing else', async (t) => {
  const named = rules.toSorted((a, b) => a.name.localeCompare(b.name));
  const enforcer = createEnforcer(named);
  const header = ['rule', ...personas.map(({ title }) => title)];
  const lines = named.map((rule) => [`\`${rule.name}\``, ...personas.map(({ ctx }) => cell(enforcer, ctx, rule))]);
  const table = [
    '# Who may do what',
    '',
    'The default policy: `own` is what is theirs, `all` is everybody’s. Other owners’ things do not exist for whoever has `own`.',
    'Made by tests/policy-matrix.test.ts; `CIRROSTACK_TEST_UPDATE=1` writes it anew.',
    '',
    ...[header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`),
    '',
  ].join('\n');
  if (process.env.CIRROSTACK_TEST_UPDATE) await writeFile(snapshot, table);
  t.is(table, await readFile(snapshot, 'utf8'));
  t.is(new Set(named.map((rule) => rule.name)).size, named.length, 'two rules have the same name');
});

test('every route has a rule with a description, or a reason to have none', async (t) => {
  const cloud = await startTestCloud(t);
  for (const { service } of cloud.modules)
    for (const { rule, path } of service.routes)
      t.truthy('anonymous' in rule ? rule.anonymous : rule.description, `${service.name} ${path}`);
});
