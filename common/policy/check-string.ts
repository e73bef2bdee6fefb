/**
 * The rule language of OpenStack's policy files (oslo.policy's check strings): `role:member and project_id:%(project_id)s`,
 * `rule:other`, `not`, `and`, `or`, parentheses, `@` (always) and `!` (never).
 */
import { BadRequest } from '../errors.ts';

/** What a request is about. An attribute that is missing holds with nothing; null is there, and is Python's `None`. */
export type Target = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** What a check compares with: text of its own, or an attribute of what the request is about. */
export type Operand = { readonly text: string } | { readonly target: string };

/** A check string, taken apart. */
export type Expression =
  | { readonly kind: 'always' }
  | { readonly kind: 'never' }
  | { readonly kind: 'all'; readonly of: readonly Expression[] }
  | { readonly kind: 'any'; readonly of: readonly Expression[] }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'role'; readonly wanted: Operand }
  /** An attribute of the caller's token. */
  | { readonly kind: 'attribute'; readonly attribute: string; readonly wanted: Operand }
  /** A literal and an attribute of what the request is about: `None:%(target.role.domain_id)s`. */
  | { readonly kind: 'literal'; readonly value: string; readonly target: string };

/** Far beyond what anybody writes, and little enough that nobody's file costs time or stack. */
const limits = { characters: 20_000, nesting: 40 };

/** Takes a check string apart. Throws `BadRequest` that quotes it and says what is wrong with it. */
export function parseCheck(text: string): Expression {
  const fail = (why: string): never => {
    const quoted = text.length > 200 ? `${text.slice(0, 200)}…` : text;
    throw new BadRequest(`Policy rule "${quoted}" is not a valid check string: ${why}.`);
  };
  if (text.length > limits.characters) fail(`it is longer than ${limits.characters} characters`);
  const tokens = text.match(/[()]|(?:%\([^\s()]*\)s|[^\s()])+/g) ?? [];
  if (tokens.length === 0) return { kind: 'always' }; // as oslo.policy has it
  let at = 0;
  let depth = 0;
  const word = () => tokens[at]?.toLowerCase();

  const series = (kind: 'all' | 'any', separator: string, part: () => Expression): Expression => {
    const of = [part()];
    while (word() === separator) {
      at += 1;
      of.push(part());
    }
    return of.length === 1 ? (of[0] as Expression) : { kind, of };
  };
  const anyOf = (): Expression => series('any', 'or', allOf);
  const allOf = (): Expression => series('all', 'and', negated);
  const nested = <T>(part: () => T): T => {
    depth += 1;
    if (depth > limits.nesting) fail(`it is nested deeper than ${limits.nesting}`);
    const inner = part();
    depth -= 1;
    return inner;
  };
  const negated = (): Expression => {
    if (word() !== 'not') return primary();
    at += 1;
    return { kind: 'not', of: nested(negated) };
  };
  const primary = (): Expression => {
    const token = tokens[at];
    if (token === undefined) return fail('it ends too early');
    at += 1;
    if (token !== '(') return parseAtom(token, fail);
    const inner = nested(anyOf);
    if (tokens[at] !== ')') fail('a parenthesis is not closed');
    at += 1;
    return inner;
  };
  const expression = anyOf();
  return at === tokens.length ? expression : fail(`${tokens[at]} stands where "and" or "or" is needed`);
}

/** Kinds of oslo.policy that need what we do not have: a server to ask, or the object as Neutron's database has it. */
const unsupported = ['http', 'https', 'field'];

function parseAtom(token: string, fail: (why: string) => never): Expression {
  if (token === '@') return { kind: 'always' };
  if (token === '!') return { kind: 'never' };
  const [, kind, match] = token.match(/^('[^']*'|"[^"]*"|[^:'"]+):(.+)$/) ?? [];
  if (kind === undefined || match === undefined) return fail(`${token} is no check`);
  if (unsupported.includes(kind)) return fail(`checks of the kind ${kind}: are not supported`);
  if (kind === 'rule') return { kind: 'rule', name: match };
  const wanted = operand(match, fail);
  if (kind === 'role') return { kind: 'role', wanted };
  const value = literal(kind);
  if (value === undefined) return { kind: 'attribute', attribute: ourName(kind), wanted };
  if ('target' in wanted) return { kind: 'literal', value, target: wanted.target };
  return { kind: value === wanted.text ? 'always' : 'never' };
}

function operand(match: string, fail: (why: string) => never): Operand {
  const key = match.match(/^%\(([^\s()]+)\)s$/)?.[1];
  if (key !== undefined) return { target: ourName(key) };
  return match.includes('%') ? fail(`${match} is neither text nor one %(attribute)s`) : { text: match };
}

/** What Python would read as a literal, as text. */
function literal(kind: string): string | undefined {
  if (/^(['"]).*\1$/.test(kind)) return kind.slice(1, -1);
  return /^(True|False|None|-?\d+)$/.test(kind) ? kind : undefined;
}

/** Keystone's own rules look into the token, where others have the token's attributes. */
const insideTokens: Readonly<Record<string, string>> = {
  'token.user.id': 'user_id',
  'token.user.domain.id': 'user_domain_id',
  'token.project.id': 'project_id',
  'token.domain.id': 'domain_id',
  'token.is_admin_project': 'is_admin_project',
};

/** Neutron still calls projects tenants. */
function ourName(name: string): string {
  if (Object.hasOwn(insideTokens, name)) return insideTokens[name] as string;
  return name.replace(/(^|:)tenant_id$/, '$1project_id');
}

/** The check string that an expression was, in one form. */
export function printCheck(expression: Expression): string {
  switch (expression.kind) {
    case 'always':
      return '@';
    case 'never':
      return '!';
    case 'rule':
      return `rule:${expression.name}`;
    case 'role':
      return `role:${printOperand(expression.wanted)}`;
    case 'attribute':
      return `${expression.attribute}:${printOperand(expression.wanted)}`;
    case 'literal':
      return `${literal(expression.value) === undefined ? `'${expression.value}'` : expression.value}:%(${expression.target})s`;
    case 'not':
      return `not ${printPart(expression.of)}`;
    case 'all':
      return expression.of.map(printPart).join(' and ');
    case 'any':
      return expression.of.map(printPart).join(' or ');
  }
}

function printPart(part: Expression): string {
  return part.kind === 'all' || part.kind === 'any' ? `(${printCheck(part)})` : printCheck(part);
}

function printOperand(operand: Operand): string {
  return 'text' in operand ? operand.text : `%(${operand.target})s`;
}
