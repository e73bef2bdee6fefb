import type { AccessRule } from '../context.ts';

/**
 * Whether an access rule allows a request. `*` and `{name}` stand for one segment of the path, `**` for any number of them,
 * as keystonemiddleware has it.
 */
export function accessRuleMatches(
  rule: AccessRule,
  asked: { service: string | undefined; method: string; path: string },
): boolean {
  if (rule.service !== asked.service || rule.method.toUpperCase() !== asked.method) return false;
  return segmentsMatch(segmentsOf(rule.path), segmentsOf(asked.path));
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

// A table rather than recursion or a regular expression: a rule of many `**` costs segments × segments and no more.
function segmentsMatch(pattern: string[], path: string[]): boolean {
  let reachable = new Set([0]);
  for (const part of pattern) {
    const next = new Set<number>();
    for (const at of reachable) {
      if (part === '**') for (let i = at; i <= path.length; i += 1) next.add(i);
      else if (at < path.length && (part === '*' || /^\{[^}]*\}$/.test(part) || part === path[at])) next.add(at + 1);
    }
    reachable = next;
  }
  return reachable.has(path.length);
}
