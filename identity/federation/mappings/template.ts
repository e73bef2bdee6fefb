import { BadRequest } from '../../../common/errors.ts';

/** The values that `{0}`, `{1}` … stand for: those of each requirement that is not only a question. */
export type DirectValues = readonly (readonly string[])[];

type Part = { literal: string } | { index: number };

/**
 * Reads a text with places for values: `{0} {1}`, and `{{` or `}}` for a brace. They are Python's in keystone, of which only
 * the plain number is taken: `{0.attribute}` and `{0[1]}` reach into objects that are none of a mapping's business.
 * @throws BadRequest that says what of it is wrong, also when there are only `count` values.
 */
export function parseTemplate(text: string, count: number): Part[] {
  const parts: Part[] = [];
  for (const [piece] of text.matchAll(/\{\{|\}\}|\{[^{}]*\}?|\}|[^{}]+/g)) {
    if (piece === '{{' || piece === '}}') parts.push({ literal: piece.slice(1) });
    else if (!/^[{}]/.test(piece)) parts.push({ literal: piece });
    else parts.push({ index: indexOf(piece, text, count) });
  }
  return parts;
}

function indexOf(piece: string, text: string, count: number): number {
  const index = /^\{(\d{1,3})\}$/.exec(piece)?.[1];
  if (index === undefined)
    throw new BadRequest(`"${text}" is not a text with values: ${piece} is neither {0}, {1} … nor {{ or }}.`);
  if (Number(index) < count) return Number(index);
  throw new BadRequest(
    `"${text}" refers to the value ${piece}, and the rule has ${count}: those of "remote" without any_one_of and not_any_of, counted from 0.`,
  );
}

/** The text with its values in place; undefined where a value is not exactly one, for then it is not one text. */
export function expandText(text: string, values: DirectValues): string | undefined {
  const pieces = parseTemplate(text, values.length).map((part) => {
    if ('literal' in part) return part.literal;
    const value = values[part.index];
    return value?.length === 1 ? value[0] : undefined;
  });
  return pieces.includes(undefined) ? undefined : pieces.join('');
}

/**
 * The texts of a list: all values where it is a single place, such as `{0}`; a list as it is written (`['a', 'b']`) where
 * there is no place; else the one text. What a value looks like never makes it a list: else whoever chooses a name at the
 * identity provider chooses groups here.
 */
export function expandList(text: string, values: DirectValues): string[] {
  const parts = parseTemplate(text, values.length);
  const [only] = parts;
  if (parts.length === 1 && only && 'index' in only) return [...(values[only.index] ?? [])];
  if (parts.every((part) => 'literal' in part)) return literalList(text) ?? [expandText(text, values) ?? text];
  const expanded = expandText(text, values);
  return expanded === undefined ? [] : [expanded];
}

/** `['a', "b"]`, as Python and JSON write a list of texts. */
function literalList(text: string): string[] | undefined {
  const inner = /^\s*\[(.*)\]\s*$/s.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const items = [...inner.matchAll(/'([^'\\]*)'|"([^"\\]*)"/g)].map((match) => match[1] ?? match[2] ?? '');
  const rest = inner.replace(/'[^'\\]*'|"[^"\\]*"/g, '').replace(/[\s,]/g, '');
  return rest === '' ? items : undefined;
}
