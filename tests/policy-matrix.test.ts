/** Who may do what, as a table that a person reads: every rule by every role and scope. Changing a rule changes the table. */
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { rules } from '../cloud.ts';
import type { Context } from '../common/context.ts';
import { createEnforcer } from '../common/policy/enforcer.ts';
import { compilePolicy, partsOf } from '../common/policy/policy.ts';
import type { Rule } from '../common/policy/rules.ts';
import { startTestCloud } from './cloud.ts';

const snapshot = new URL('./policy-matrix.md', import.meta.url);

const chain = ['reader', 'member', 'manager', 'admin'];
const withImplied = (role: string) => (chain.includes(role) ? chain.slice(0, chain.indexOf(role) + 1) : [role]);

const scopes: Record<string, Partial<Context>> = {
  project: { projectId: 'p' },
  domain: { domainId: 'd' },
  system: { system: true },
};

/** Every role on every scope, and somebody without either. */
const personas: { title: string; ctx: Context }[] = [
  { title: 'unscoped', ctx: context({}, []) },
  ...Object.entries(scopes).flatMap(([scope, facts]) =>
    [...chain, 'service'].map((role) => ({ title: `${scope} ${role}`, ctx: context(facts, withImplied(role)) })),
  ),
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
    delegation: null,
    token: { auditIds: [], methods: [], issuedAt: new Date(0), expiresAt: new Date(0) },
    ...facts,
  };
}

/** What each attribute of a target is when it is theirs, as the rules themselves compare it: `target.user.domain_id` with a domain. */
const own: Map<string, { attribute: string; value: string | null }> = ownTargets();

function ownTargets(): typeof own {
  const ids: Record<string, string> = { user_id: 'u', project_id: 'p', domain_id: 'd', user_domain_id: 'd' };
  const found: typeof own = new Map();
  for (const { expression } of compilePolicy(rules).values())
    for (const part of partsOf(expression)) {
      if (part.kind === 'attribute' && 'target' in part.wanted)
        found.set(part.wanted.target, { attribute: part.attribute, value: ids[part.attribute] ?? null });
      if (part.kind === 'literal' && !found.has(part.target))
        found.set(part.target, { attribute: '', value: part.value === 'None' ? null : part.value });
    }
  return found;
}

const targetWhere = (isOwn: (attribute: string) => boolean) =>
  Object.fromEntries(
    [...own].map(([key, { attribute, value }]) => [key, isOwn(attribute) ? value : 'somebody else'] as const),
  );
const foreign = targetWhere(() => false);
const ofTheirPlace = targetWhere((attribute) => attribute !== 'user_id');
const theirOwn = targetWhere(() => true);

function cell(enforcer: ReturnType<typeof createEnforcer>, ctx: Context, rule: Rule): string {
  if (enforcer.allows(ctx, rule, foreign)) return 'all';
  if (enforcer.allows(ctx, rule, ofTheirPlace)) return 'own';
  return enforcer.allows(ctx, rule, theirOwn) ? 'self' : '·';
}

test('every role may do what the table says, and nothing else', async (t) => {
  const named = rules.toSorted((a, b) => a.name.localeCompare(b.name));
  const enforcer = createEnforcer(named);
  const header = ['rule', ...personas.map(({ title }) => title)];
  const lines = named.map((rule) => [`\`${rule.name}\``, ...personas.map(({ ctx }) => cell(enforcer, ctx, rule))]);
  const table = [
    '# Who may do what',
    '',
    'The default policy, by the scope of a token and the role on it; `admin` has `manager`, that `member`, and that `reader`, too. `all` is',
    'everybody’s, `own` what is of the token’s project or domain, `self` what is of the user alone. Other owners’ things do not exist for',
    'whoever has `own` or `self`. An administrator of a domain is no administrator of the cloud.',
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
