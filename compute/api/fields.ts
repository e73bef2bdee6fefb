/** Fields that several bodies share; lengths and forms are those of nova/api/validation/parameter_types.py. */
import { Type } from 'typebox';

const printable = '[^\\u0000-\\u001f\\u007f]';
const printableInk = '[^\\s\\u0000-\\u001f\\u007f]';

/** 1 to 255 printable characters, none of them a space at either end. */
export const Name = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: `^${printableInk}(${printable}*${printableInk})?$`,
});

/** A whole number, or one written as a string, as some clients do. */
export const Count = (minimum: number, maximum = 0x7fffffff) =>
  Type.Union([Type.Integer({ minimum, maximum }), Type.String({ pattern: '^[0-9]{1,10}$' })]);

export const Metadata = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9_:. -]{1,255}$' }),
  Type.String({ maxLength: 255 }),
  { additionalProperties: false },
);

export const DiskConfig = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')]);

/** Empty, or an address; whether it is one is looked at by the handler. */
export const AccessAddress = Type.String({ maxLength: 45, pattern: '^[0-9a-fA-F:.]*$' });

export const closed = { additionalProperties: false };

export interface CountBounds {
  minimum: number;
}

/** The number that `Count` let pass; undefined when a string held one out of range. */
export function countOf(value: number | string, { minimum }: CountBounds): number | undefined {
  const count = Number(value);
  return count >= minimum && count <= 0x7fffffff ? count : undefined;
}
