import { BadRequest } from '../errors.ts';
import { baseRules } from './base-rules.ts';
import { type Expression, parseCheck } from './check-string.ts';
import { type Check, compileCheck, credentialAttributes } from './evaluate.ts';
import type { Rule } from './rules.ts';

/** An operator's changes: check strings by the name of the rule. */
export type Overrides = Readonly<Record<string, string>>;

/** One rule as it is in force. */
export interface PolicyEntry {
  readonly name: string;
  /** The check string in force. */
  readonly text: string;
  /** What stands in its place without an operator's file; null for a rule that only the file has. */
  readonly default: string | null;
  readonly description: string;
  /** The rule of an operation; null for one that is only a part of others. */
  readonly rule: Rule | null;
  readonly expression: Expression;
  readonly check: Check;
}

/** Every rule by its name, compiled. */
export type Policy = ReadonlyMap<string, PolicyEntry>;

/** How much one rule may come to with all that it refers to, and through how many of them it may reach the last. */
const limits = { parts: 5000, references: 50 };

/**
 * Puts the defaults and an operator's changes together. Throws `BadRequest`, naming the rule, for a check string that does
 * not parse; a reference to a rule that is not there, or round in a circle; an attribute that no token has; and a name that
 * no operation has and no rule refers to, nor anything else that `isUsedElsewhere` knows of, so that typing errors are seen.
 */
export function compilePolicy(
  rules: readonly Rule[],
  overrides: Overrides = {},
  isUsedElsewhere: (name: string) => boolean = () => false,
): Policy {
  const sources = sourcesOf(rules, overrides);
  const compiled = new Map<string, PolicyEntry>();
  const sizes = new Map<string, number>();
  const visit = (name: string, path: readonly string[]): number => {
    const known = sizes.get(name);
    if (known !== undefined) return known;
    const source = sources.get(name);
    if (source === undefined)
      throw new BadRequest(`Policy rule ${path.at(-1)} refers to rule:${name}, which does not exist.`);
    if (path.includes(name))
      throw new BadRequest(
        `Policy rule ${name} refers to itself: ${[...path.slice(path.indexOf(name)), name].join(' → ')}.`,
      );
    if (path.length > limits.references)
      throw new BadRequest(
        `Policy rule ${path[0]} refers to rules that refer to others more than ${limits.references} deep.`,
      );
    const expression = parseNamed(name, source.text);
    let size = 0;
    for (const part of partsOf(expression)) {
      size += part.kind === 'rule' ? 1 + visit(part.name, [...path, name]) : 1;
      if (part.kind === 'attribute') checkAttribute(name, part.attribute);
    }
    if (size > limits.parts) throw new BadRequest(`Policy rule ${name} comes to more than ${limits.parts} checks.`);
    sizes.set(name, size);
    const check = compileCheck(expression, (other) => compiled.get(other)?.check ?? denied);
    compiled.set(name, { name, ...source, expression, check });
    return size;
  };
  for (const name of sources.keys()) visit(name, []);
  checkNames(sources, compiled, isUsedElsewhere);
  return compiled;
}

const denied: Check = () => false;

type Source = Pick<PolicyEntry, 'text' | 'default' | 'description' | 'rule'>;

function sourcesOf(rules: readonly Rule[], overrides: Overrides): Map<string, Source> {
  const given = new Map(Object.entries(overrides));
  const sources = new Map<string, Source>();
  const add = (name: string, check: string, description: string, rule: Rule | null) =>
    sources.set(name, { text: given.get(name) ?? check, default: check, description, rule });
  for (const [name, { check, description }] of Object.entries(baseRules)) add(name, check, description, null);
  for (const rule of rules) {
    if (sources.has(rule.name)) throw new Error(`Two rules have the name ${rule.name}.`);
    add(rule.name, rule.check, rule.description, rule);
  }
  for (const [name, text] of given)
    if (!sources.has(name))
      sources.set(name, { text, default: null, description: 'Defined in the policy file', rule: null });
  return sources;
}

function parseNamed(name: string, text: string): Expression {
  try {
    return parseCheck(text);
  } catch (error) {
    throw error instanceof BadRequest ? new BadRequest(`${name}: ${error.message}`, { cause: error }) : error;
  }
}

/** The rules that an expression names. */
export function referencesOf(expression: Expression): string[] {
  return partsOf(expression).flatMap((part) => (part.kind === 'rule' ? [part.name] : []));
}

/** The parts of an expression, itself included, without what rules that it refers to consist of. */
export function partsOf(expression: Expression): Expression[] {
  if (expression.kind === 'all' || expression.kind === 'any') return [expression, ...expression.of.flatMap(partsOf)];
  return expression.kind === 'not' ? [expression, ...partsOf(expression.of)] : [expression];
}

/** A check of what no token has would never hold, and under `not` it always would. */
function checkAttribute(name: string, attribute: string): void {
  if (!(credentialAttributes as readonly string[]).includes(attribute))
    throw new BadRequest(
      `Policy rule ${name} asks for ${attribute}:, which no token has; they have ${credentialAttributes.join(', ')}.`,
    );
}

function checkNames(
  sources: ReadonlyMap<string, Source>,
  compiled: Policy,
  isUsedElsewhere: (name: string) => boolean,
): void {
  const used = new Set([...compiled.values()].flatMap(({ expression }) => referencesOf(expression)));
  for (const [name, source] of sources)
    if (source.default === null && !used.has(name) && !isUsedElsewhere(name))
      throw new BadRequest(`${name} is no rule of any operation, and no rule refers to it.`);
}
