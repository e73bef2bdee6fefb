/**
 * Whether somebody has to prove more: the combinations of methods that the user's options ask for
 * (`multi_factor_auth_rules`), or null when `given` satisfies one of them, or none is asked for. Rules of methods that do
 * not exist here are left out, as keystone leaves them out, lest they lock the user out for good.
 */
export function missingMethods(options: Record<string, unknown>, given: readonly string[]): string[][] | null {
  if (options.multi_factor_auth_enabled === false) return null;
  const asked = options.multi_factor_auth_rules;
  const rules = (Array.isArray(asked) ? (asked as string[][]) : [])
    .map((rule) => rule.filter((method) => interactive.includes(method)))
    .filter((rule) => rule.length > 0);
  if (rules.length === 0 || rules.some((rule) => rule.every((method) => given.includes(method)))) return null;
  return rules;
}

/** What a person can be asked for. */
const interactive: readonly string[] = ['password', 'totp', 'token'];
