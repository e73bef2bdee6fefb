/** `cirrostack policy show`: the policy in force, read from the same file as the cloud's processes read it. */
import { type PolicyEntry, referencesOf } from '../common/policy/policy.ts';
import { defaultDataDir, parseOptions, UsageError } from './options.ts';
import { policyInForce } from './policy-in-force.ts';

export const policyHelp = `Usage: cirrostack policy show [--rule NAME] [--changed] [--file FILE] [--data-dir DIR] [--json]

Shows who may do what: each rule with its check string, and whether the policy file changes it. Nothing needs to run.
Ends with 1 when the policy file is not valid.

  --rule NAME     this rule alone, and those that it refers to
  --changed       only what the policy file changes
  --file FILE     as if this were the policy file, to try one
  --data-dir DIR  where the cloud keeps everything (${defaultDataDir})
  --json          [{ name, check, default, overridden, scopes, description }]; a rule without scopes is only a part of others
`;

export async function policy([action, ...argv]: string[]): Promise<number> {
  if (action !== 'show')
    throw new UsageError(`cirrostack policy can show, and not ${action ?? 'nothing'}. See --help.`);
  const options = parseOptions(argv, {
    rule: { type: 'string' },
    changed: { type: 'boolean', default: false },
    file: { type: 'string' },
    'data-dir': { type: 'string', default: defaultDataDir },
    json: { type: 'boolean', default: false },
  });
  const entries = await policyInForce(options['data-dir'], options.file);
  const chosen = choose([...entries.values()], options.rule).filter((entry) => !options.changed || isChanged(entry));
  process.stdout.write(
    options.json ? `${JSON.stringify(chosen.map(view), null, 2)}\n` : chosen.map(describe).join('\n'),
  );
  return 0;
}

/** Sorted by name, parts of others last. */
function choose(entries: PolicyEntry[], name: string | undefined): PolicyEntry[] {
  const sorted = entries.toSorted(
    (a, b) => Number(a.rule === null) - Number(b.rule === null) || a.name.localeCompare(b.name),
  );
  if (name === undefined) return sorted;
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  if (!byName.has(name)) throw new UsageError(`There is no rule ${name}. cirrostack policy show lists them all.`);
  const names = new Set([name]);
  for (const one of names)
    for (const other of referencesOf((byName.get(one) as PolicyEntry).expression)) names.add(other);
  return [...names].map((one) => byName.get(one) as PolicyEntry);
}

function isChanged(entry: PolicyEntry): boolean {
  return entry.default !== entry.text;
}

function view(entry: PolicyEntry) {
  const { name, text, default: standard, description, rule } = entry;
  return {
    name,
    check: text,
    default: standard,
    overridden: isChanged(entry),
    scopes: rule?.scopes ?? null,
    description,
  };
}

/** As a policy file would say it. */
function describe(entry: PolicyEntry): string {
  const { name, text, default: standard, description, rule } = entry;
  const place = rule === null ? 'part of other rules' : `scopes: ${rule.scopes.join(', ')}`;
  const before =
    standard === null ? '# ! only in the policy file\n' : `# ! changed; the default is: ${JSON.stringify(standard)}\n`;
  return `# ${description}\n# ${place}\n${isChanged(entry) ? before : ''}${JSON.stringify(name)}: ${JSON.stringify(text)}\n`;
}
