import type { Assertion } from './mappings/rules.ts';

/** A list of claims this long, or a claim this deep, is nothing that a mapping reads. */
const deepest = 4;

/**
 * What a mapping can ask for by name: each claim of a verified token as `OIDC-<claim>` and `HTTP_OIDC_<CLAIM>`, the names
 * that Apache's mod_auth_openidc gives it in front of Keystone, and by its own. What is inside a claim has its path as name
 * (`realm_access.roles`). A value is taken as it is: unlike in Keystone, where environments hold nothing but text, a `;` in
 * it makes no second value, for names are chosen by users.
 */
export function assertionOf(claims: Readonly<Record<string, unknown>>): Assertion {
  const values = new Map<string, string[]>();
  collect(claims, '', values, 1);
  const assertion = new Map(values);
  const ambiguous = new Set<string>();
  for (const [claim, said] of values)
    for (const name of [`OIDC-${claim}`, headerName(claim)]) {
      if (assertion.has(name)) ambiguous.add(name);
      assertion.set(name, said);
    }
  for (const name of ambiguous) assertion.delete(name); // two claims of one name: neither can be trusted to be the one meant
  const { sub, iss } = claims;
  if (typeof sub === 'string' && typeof iss === 'string') assertion.set('REMOTE_USER', [`${sub}@${iss}`]);
  else assertion.delete('REMOTE_USER');
  return assertion;
}

function headerName(claim: string): string {
  return `HTTP_OIDC_${claim.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

function collect(claims: object, prefix: string, values: Map<string, string[]>, depth: number): void {
  for (const [key, value] of Object.entries(claims)) {
    const name = prefix + key;
    const texts = (Array.isArray(value) ? value : [value]).flatMap(asText);
    if (texts.length > 0) values.set(name, texts);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth < deepest)
      collect(value, `${name}.`, values, depth + 1);
  }
}

function asText(value: unknown): string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  return typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : [];
}
