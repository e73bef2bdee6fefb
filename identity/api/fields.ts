import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';
import { flag, one } from '../../common/http/page.ts';

/** A name: not empty, not only blanks, no control characters. */
export const resourceName = (maxLength: number) =>
  Type.String({ minLength: 1, maxLength, pattern: '^(?=.*\\S)[^\\u0000-\\u001f]*$' });

export const reference = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' });

export const description = Type.Optional(
  Type.Union([Type.String({ maxLength: 65535, pattern: '^[^\\u0000]*$' }), Type.Null()]),
);

export const enabled = Type.Optional(Type.Boolean());

/** Absent leaves an option alone, null clears it. */
export const optionFlag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));

/** The options of domains and projects. */
export const resourceOptions = Type.Optional(Type.Object({ immutable: optionFlag }, { additionalProperties: false }));

/** A tag: no `/`, no comma (the API working group's tags guideline), no control characters. */
export const tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^(?=.*\\S)[^,/\\u0000-\\u001f]*$' });

export const tagList = Type.Array(tag, { maxItems: 80, uniqueItems: true });

/** Blanks around a tag do not count. Throws `BadRequest` where two are one without them. */
export function trimmedTags(tags: readonly string[]): string[] {
  const trimmed = tags.map((one) => one.trim());
  if (new Set(trimmed).size < trimmed.length) throw new BadRequest('A tag is given twice.');
  return trimmed;
}

/** A switch in a query: given without a value it is on, as clients write `?parents_as_list`. */
export function queryFlag(query: Record<string, unknown>, name: string): boolean | undefined {
  return one(query[name]) === '' ? true : flag(query[name], name);
}

/** Throws `BadRequest` for an id in the body of a change that is not the one in the path. */
export function checkSameId(body: object, id: string): void {
  const { id: asked } = body as { id?: unknown };
  if (asked !== undefined && asked !== id) throw new BadRequest('Cannot change the ID of a resource.');
}
