/** What a rule asks for, in words: the answer to "why not?" that a refused client gets. */
import type { Context } from '../context.ts';
import type { Expression } from './check-string.ts';
import type { Policy } from './policy.ts';

/** Who asks, as far as policy goes. */
export type Caller = Pick<
  Context,
  'userId' | 'userDomainId' | 'projectId' | 'domainId' | 'system' | 'roles' | 'isAdmin'
>;

/**
 * "the role admin, or the role reader on the system". Made from the rule alone: what the request was about is not in it, or
 * the refusal would tell a stranger of it.
 */
export function requirementOf(policy: Policy, expression: Expression): string {
  return joined(alternatives(policy, expression), ', or ');
}

/** "you have the roles reader, member on the project 0a1b", or "the user has …", where it is told to somebody else. */
export function possessionOf({ roles, projectId, domainId, system }: Caller, isToldToThem = true): string {
  const have = isToldToThem ? 'you have' : 'the user has';
  const place =
    projectId !== null
      ? `on the project ${projectId}`
      : domainId !== null
        ? `on the domain ${domainId}`
        : system
          ? 'on the system'
          : undefined;
  if (place === undefined) return `${isToldToThem ? 'your' : 'the'} token is unscoped, and carries no role`;
  if (roles.length === 0) return `${have} no role ${place}`;
  return `${have} the role${roles.length > 1 ? 's' : ''} ${roles.join(', ')} ${place}`;
}

/** Each of them alone is enough. */
function alternatives(policy: Policy, expression: Expression): string[] {
  if (expression.kind === 'any') return expression.of.flatMap((part) => alternatives(policy, part));
  if (expression.kind === 'rule') {
    const entry = policy.get(expression.name);
    return entry ? alternatives(policy, entry.expression) : ['what nobody has'];
  }
  return [expression.kind === 'all' ? together(policy, expression.of) : single(policy, expression)];
}

/** A role and where it must be held make one phrase; the rest is added to it. */
function together(policy: Policy, parts: readonly Expression[]): string {
  const flat = parts.flatMap((part) => conjuncts(policy, part));
  const roles = flat.filter((part) => part.kind === 'role').map((part) => single(policy, part));
  const places = flat.map(placeOf).filter((place) => place !== undefined);
  const rest = flat
    .filter((part) => part.kind !== 'role' && placeOf(part) === undefined)
    .map((part) => grouped(policy, part));
  const held =
    roles.length > 0
      ? [[...roles.slice(0, -1), [roles.at(-1), ...places].join(' ')].join(' and ')]
      : places.map((place) => `a token ${place.replace(/^on/, 'for')}`);
  return [...held, ...rest].join(' and ');
}

/** The parts of which every one is needed. */
function conjuncts(policy: Policy, expression: Expression): Expression[] {
  if (expression.kind === 'all') return expression.of.flatMap((part) => conjuncts(policy, part));
  const entry = expression.kind === 'rule' ? policy.get(expression.name) : undefined;
  if (entry === undefined || entry.expression.kind === 'any') return [expression];
  return conjuncts(policy, entry.expression);
}

function grouped(policy: Policy, expression: Expression): string {
  const either = alternatives(policy, expression);
  return either.length === 1 ? (either[0] as string) : `(${joined(either, ' or ')})`;
}

function single(policy: Policy, expression: Expression): string {
  switch (expression.kind) {
    case 'always':
      return 'nothing';
    case 'never':
      return 'what nobody has';
    case 'role':
      return 'text' in expression.wanted
        ? `the role ${expression.wanted.text}`
        : `the role that ${objectName(expression.wanted.target)} names`;
    case 'literal':
      return `${objectName(expression.target)} to be ${expression.value}`;
    case 'not':
      return `not to have ${grouped(policy, expression.of)}`;
    case 'attribute':
      return attributeWords(expression);
    default:
      return grouped(policy, expression);
  }
}

function attributeWords({ attribute, wanted }: Extract<Expression, { kind: 'attribute' }>): string {
  if (attribute === 'is_admin' && 'text' in wanted && wanted.text === 'True')
    return 'the role admin on a project or the system';
  const place = placeOf({ kind: 'attribute', attribute, wanted });
  if (place !== undefined) return `a token ${place.replace(/^on/, 'for')}`;
  if (attribute === 'user_id')
    return `to be ${'text' in wanted ? `the user ${wanted.text}` : objectName(wanted.target)}`;
  return `${attribute} to be ${'text' in wanted ? wanted.text : objectName(wanted.target)}`;
}

/** "on the project", when that is what the check says. */
function placeOf(expression: Expression): string | undefined {
  if (expression.kind !== 'attribute') return undefined;
  const { attribute, wanted } = expression;
  if (attribute === 'system_scope') return 'text' in wanted && wanted.text === 'all' ? 'on the system' : undefined;
  if (attribute !== 'project_id' && attribute !== 'domain_id') return undefined;
  if ('target' in wanted) return `on ${objectName(wanted.target)}`;
  if (wanted.text === 'None') return undefined;
  return `on the ${attribute.replace('_id', '')} ${wanted.text}`;
}

/** `target.user.domain_id` is "the domain of the user", `project_id` "the project". */
function objectName(key: string): string {
  const path = key.replace(/^target\./, '').split(/[.:]/);
  const attribute = (path.at(-1) as string).replaceAll('_', ' ');
  const owner = path.slice(0, -1).join(' ').replaceAll('_', ' ');
  if (attribute === 'id') return `the ${owner}`;
  return `the ${attribute.replace(/ id$/, '')}${owner === '' ? '' : ` of the ${owner}`}`;
}

function joined(parts: readonly string[], separator: string): string {
  return [...new Set(parts)].join(separator);
}
