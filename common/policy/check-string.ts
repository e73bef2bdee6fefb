/**
 * The rule language of OpenStack's policy files (oslo.policy's check strings): `role:member and project_id:%(project_id)s`,
 * `rule:other`, `not`, `and`, `or`, parentheses, `@` (always) and `!` (never).
 */
import { BadRequest } from '../errors.ts';

export interface Credentials {
  roles: readonly string[];
  /** user_id, project_id, domain_id, system_scope … */
  attributes: Readonly<Record<string, string | null>>;
}

export type Target = Readonly<Record<string, string | null | undefined>>;

export type Check = (credentials: Credentials, target: Target, rule: (name: string) => Check) => boolean;

const never: Check = () => false;
const always: Check = () => true;

/** Compiles a check string. Throws `BadRequest` that quotes it when it does not parse. */
export function parseCheck(text: string): Check {
  const tokens = text.match(/\(|\)|[^\s()]*%\([^)]*\)s|'[^']*':[^\s()]+|[^\s()]+/g) ?? [];
  let at = 0;
  const fail = (): never => {
    throw new BadRequest(`Policy rule "${text}" is not a valid check string.`);
  };
  const orExpression = (): Check => {
    let left = andExpression();
    while (tokens[at]?.toLowerCase() === 'or') {
      at += 1;
      left = either(left, andExpression());
    }
    return left;
  };
  const andExpression = (): Check => {
    let left = notExpression();
    while (tokens[at]?.toLowerCase() === 'and') {
      at += 1;
      left = both(left, notExpression());
    }
    return left;
  };
  const notExpression = (): Check => {
    if (tokens[at]?.toLowerCase() !== 'not') return primary();
    at += 1;
    const inner = notExpression();
    return (c, t, r) => !inner(c, t, r);
  };
  const primary = (): Check => {
    const token = tokens[at];
    if (token === undefined) return fail();
    at += 1;
    if (token !== '(') return atom(token) ?? fail();
    const inner = orExpression();
    if (tokens[at] !== ')') return fail();
    at += 1;
    return inner;
  };
  if (tokens.length === 0) return always; // an empty rule allows, as oslo.policy has it
  const check = orExpression();
  return at === tokens.length ? check : fail();
}

const either =
  (a: Check, b: Check): Check =>
  (c, t, r) =>
    a(c, t, r) || b(c, t, r);
const both =
  (a: Check, b: Check): Check =>
  (c, t, r) =>
    a(c, t, r) && b(c, t, r);

function atom(token: string): Check | undefined {
  if (token === '@') return always;
  if (token === '!') return never;
  const colon = token.indexOf(':');
  if (colon < 1) return undefined;
  const kind = token.slice(0, colon);
  const match = token.slice(colon + 1);
  if (match === '') return undefined;
  if (kind === 'rule') return (c, t, r) => r(match)(c, t, r);
  if (kind === 'role') return (c) => c.roles.some((role) => role.toLowerCase() === match.toLowerCase());
  const reference = match.match(/^%\(([^)]+)\)s$/);
  if (reference) {
    const key = reference[1] as string;
    return (c, t) => {
      const wanted = t[key];
      return typeof wanted === 'string' && wanted === (kind.startsWith("'") ? kind.slice(1, -1) : c.attributes[kind]);
    };
  }
  return (c) => c.attributes[kind] === match;
}
