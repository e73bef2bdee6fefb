/** What people and programs send by mistake or on purpose, in the place of a good value. */
const hostile: readonly unknown[] = [
  null,
  true,
  -1,
  2 ** 53,
  1.5,
  '',
  '   ',
  'a\u0000b',
  '%_\'"\\; drop table users; --',
  '\u202eÑame-名前-\u{1f600}',
  'x'.repeat(70_000),
  '../../../etc/passwd',
  [],
  [[[]]],
  {},
  JSON.parse('{"__proto__": {"isAdmin": true}, "constructor": 1}'),
];

/** In paths and queries everything is text. */
const hostileTexts: readonly string[] = [
  '%00',
  encodeURIComponent('%_\'"\\;--'),
  encodeURIComponent('\u202e名前\u{1f600}'),
  'x'.repeat(2000),
  '..%2f..%2fetc%2fpasswd',
  '%ff',
  '-1',
];

/** Every way to spoil one place of a body: each value in it replaced, each key left out, one added. */
export function* spoiledBodies(body: unknown): Generator<{ what: string; body: unknown }> {
  for (const path of placesOf(body)) {
    for (const value of hostile)
      yield { what: `${path.join('.')} = ${shown(value)}`, body: replaced(body, path, value) };
    if (path.length > 0) yield { what: `without ${path.join('.')}`, body: replaced(body, path, undefined) };
  }
}

/** Every way to spoil one parameter of a path or query. */
export function* spoiledTexts(
  params: Record<string, string>,
): Generator<{ what: string; params: Record<string, string> }> {
  for (const name of Object.keys(params))
    for (const value of hostileTexts) yield { what: `${name} = ${shown(value)}`, params: { ...params, [name]: value } };
}

function placesOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...path, key]))];
}

function replaced(body: unknown, [key, ...rest]: string[], value: unknown): unknown {
  if (key === undefined) return value;
  const copy: Record<string, unknown> = Array.isArray(body) ? ([...body] as never) : { ...(body as object) };
  copy[key] = replaced(copy[key], rest, value);
  return copy;
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40);
}
