/** Who may do what, as a table that a person reads: every rule by every role and scope. Changing a rule changes the table. */
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { rules } from '../cloud.ts';
import type { Context } from '../common/context.ts';
import type { Target } from '../common/policy/check-string.ts';
import { createEnforcer } from '../common/policy/enforcer.ts';
import { compilePolicy, type Policy, type PolicyEntry, partsOf } from '../common/policy/policy.ts';
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

type Compared = { attributes: Set<string>; literals: Set<string | null> };

/** What a rule, with all that it refers to, compares each attribute of its target with. */
function comparedBy(policy: Policy, { expression }: PolicyEntry, found = new Map<string, Compared>()) {
  const at = (key: string): Compared => {
    const compared = found.get(key) ?? { attributes: new Set(), literals: new Set() };
    found.set(key, compared);
    return compared;
  };
  for (const part of partsOf(expression)) {
    if (part.kind === 'attribute' && 'target' in part.wanted) at(part.wanted.target).attributes.add(part.attribute);
    if (part.kind === 'literal') at(part.target).literals.add(part.value === 'None' ? null : part.value);
    if (part.kind === 'rule') comparedBy(policy, policy.get(part.name) as PolicyEntry, found);
  }
  return found;
}

const ids: Record<string, string> = { user_id: 'u', project_id: 'p', domain_id: 'd', user_domain_id: 'd' };
const foreign = 'somebody else';

/**
 * Everything that a rule can be about, when those attributes that it compares with `theirs` are theirs and the others
 * somebody else's. What it compares with a text alone says what something is, and not whose.
 */
function targets(compared: Map<string, Compared>, theirs: (attribute: string) => boolean): Target[] {
  let made: Record<string, string | null>[] = [{}];
  for (const [key, { attributes, literals }] of compared) {
    const values = new Set<string | null>(
      [...attributes].map((one) => (theirs(one) ? (ids[one] ?? foreign) : foreign)),
    );
    if (attributes.size === 0 || [...attributes].some(theirs)) for (const literal of literals) values.add(literal);
    made = made.flatMap((target) => [...values].map((value) => ({ ...target, [key]: value })));
  }
  return made;
}

/** One cell of the table for each persona. */
function cellsOf(enforcer: ReturnType<typeof createEnforcer>, policy: Policy, rule: Rule): string[] {
  const compared = comparedBy(policy, policy.get(rule.name) as PolicyEntry);
  const kinds: [string, Target[]][] = [
    ['all', targets(compared, () => false)],
    ['own', targets(compared, (attribute) => attribute !== 'user_id')],
    ['self', targets(compared, () => true)],
  ];
  return personas.map(
    ({ ctx }) => kinds.find(([, about]) => about.some((target) => enforcer.allows(ctx, rule, target)))?.[0] ?? '·',
  );
}

test('every role may do what the table says, and nothing else', async (t) => {
  const named = rules.toSorted((a, b) => a.name.localeCompare(b.name));
  const enforcer = createEnforcer(named);
  const header = ['rule', ...personas.map(({ title }) => title)];
  const policy = compilePolicy(named);
  const lines = named.map((rule) => [`\`${rule.name}\``, ...cellsOf(enforcer, policy, rule)]);
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
