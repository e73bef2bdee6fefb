import { type Expression, printCheck, type Target } from './check-string.ts';
import { type Credentials, compileCheck, targetAttribute, textOf } from './evaluate.ts';
import type { Policy } from './policy.ts';

/** One part of a rule: what it asks, whether it held, and why or why not. */
export interface Explanation {
  readonly check: string;
  readonly held: boolean;
  readonly because: string;
  /** How many of the parts have to hold. */
  readonly needs?: 'all' | 'one' | 'none';
  readonly parts?: readonly Explanation[];
}

/** Says of every part of an expression whether it holds. The target's values are in it: only for whom they are no secret to. */
export function explainCheck(
  policy: Policy,
  expression: Expression,
  credentials: Credentials,
  target: Target,
): Explanation {
  const explain = (part: Expression): Explanation => explainCheck(policy, part, credentials, target);
  const check = printCheck(expression);
  switch (expression.kind) {
    case 'all':
    case 'any': {
      const parts = expression.of.map(explain);
      const held = expression.kind === 'all' ? parts.every((part) => part.held) : parts.some((part) => part.held);
      const needs = expression.kind === 'all' ? 'all' : 'one';
      return { check, held, because: `${needs} of these must hold`, needs, parts };
    }
    case 'not': {
      const part = explain(expression.of);
      return { check, held: !part.held, because: 'this must not hold', needs: 'none', parts: [part] };
    }
    case 'rule': {
      const entry = policy.get(expression.name);
      if (entry === undefined) return { check, held: false, because: 'there is no such rule' };
      const part = explain(entry.expression);
      return { check, held: part.held, because: entry.description, needs: 'all', parts: [part] };
    }
    default: {
      const held = compileCheck(expression, () => () => false)(credentials, target);
      return { check, held, because: reasonOf(expression, held, credentials, target) };
    }
  }
}

/** Why something held that holds: the first way that was enough, in words. */
export function groundsOf({ parts = [], needs, check, because }: Explanation): string {
  if (needs === 'all') return [...new Set(parts.map(groundsOf))].join(' and ');
  if (needs === 'none') return `${check} holds`;
  const first = parts.find((part) => part.held);
  return first === undefined ? because : groundsOf(first);
}

type Atom = Exclude<Expression, { kind: 'all' | 'any' | 'not' | 'rule' }>;

function reasonOf(atom: Atom, held: boolean, { attributes }: Credentials, target: Target): string {
  if (atom.kind === 'always') return 'everybody may';
  if (atom.kind === 'never') return 'nobody may';
  const key = atom.kind === 'literal' ? atom.target : 'target' in atom.wanted ? atom.wanted.target : undefined;
  const value = key === undefined ? undefined : textOf(targetAttribute(target, key));
  if (key !== undefined && value === undefined) return `${key} of the target is not given`;
  if (atom.kind === 'literal') return `${key} of the target is ${value}`;
  const wanted = value ?? ('text' in atom.wanted ? atom.wanted.text : '');
  if (atom.kind === 'role') return `the role ${wanted} is ${held ? 'held' : 'missing'}`;
  const own = textOf((attributes as Readonly<Record<string, string | null>>)[atom.attribute]);
  const is = `${atom.attribute} is ${own ?? 'not there'}`;
  if (held) return is;
  return key === undefined ? `${is}, not ${wanted}` : `${is}, ${key} of the target is ${wanted}`;
}
