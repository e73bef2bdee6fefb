import { Type } from 'typebox';

/** A name: not empty, not only blanks, no control characters. */
export const resourceName = (maxLength: number) =>
  Type.String({ minLength: 1, maxLength, pattern: '^(?=.*\\S)[^\\u0000-\\u001f]*$' });

export const reference = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' });

export const description = Type.Optional(Type.Union([Type.String({ maxLength: 65535 }), Type.Null()]));

export const enabled = Type.Optional(Type.Boolean());
