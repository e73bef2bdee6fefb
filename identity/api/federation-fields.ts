import { Type } from 'typebox';
import { BadRequest } from '../../common/errors.ts';

export const optionalFlag = Type.Optional(Type.Boolean());
export const nullableText = Type.Optional(Type.Union([Type.String({ maxLength: 65535 }), Type.Null()]));

/** An id that an administrator chooses in the path. Throws `BadRequest` for one that no path or list could show. */
export function checkedId(id = ''): string {
  if (/^[^\p{Cc}/?#%\\]{1,64}$/u.test(id) && id.trim() === id && id !== '.' && id !== '..') return id;
  throw new BadRequest('An id has 1 to 64 characters, none of them a control character, a slash, ?, # or %.');
}
