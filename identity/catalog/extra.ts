/** Attributes that nobody here knows; as keystone, we keep and show them. */
export type Extra = Record<string, unknown>;

/** What of a body's object is neither an attribute of ours (`known`) nor ours to make. */
export function extraOf(body: object, known: readonly string[]): Extra {
  const ours = new Set(['id', 'links', ...known]);
  return Object.fromEntries(Object.entries(body).filter(([key]) => !ours.has(key)));
}
