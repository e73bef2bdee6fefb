/** Fields that several bodies share; lengths and forms are those of nova/api/validation/parameter_types.py. */
import { Type } from 'typebox';

const falseWords: readonly string[] = ['False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no'];
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

/** In changes, null takes an item away. */
export const NullableMetadata = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9_:. -]{1,255}$' }),
  Type.Union([Type.Null(), Type.String({ maxLength: 255 })]),
  { additionalProperties: false },
);

/** As `Name`, and without the colon that separates zones from hosts. */
export const ZoneName = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: `^(?!.*:)${printableInk}(${printable}*${printableInk})?$`,
});

/** A host's name as Nova's `fqdn` has it. */
export const HostName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]*$' });

export const DiskConfig = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')]);

/** Empty, or an address; whether it is one is looked at by the handler. */
export const AccessAddress = Type.String({ maxLength: 45, pattern: '^[0-9a-fA-F:.]*$' });

/** A boolean, or one of the words that Nova takes for one. */
export const BooleanLike = Type.Union([
  Type.Boolean(),
  ...[...['True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes'], ...falseWords].map((word) =>
    Type.Literal(word),
  ),
]);

export const closed = { additionalProperties: false };

export const Uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$' });

export const Description = Type.Union([Type.Null(), Type.String({ maxLength: 255, pattern: `^${printable}*$` })]);

/** Up to 2.93; later ones may have dots. */
export const Hostname = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9][a-zA-Z0-9.-]*$' });

export const AdminPass = Type.String({ minLength: 1, maxLength: 255 });

/** Without a comma and a slash, which have a meaning in queries and paths. */
export const Tag = Type.String({ minLength: 1, maxLength: 60, pattern: '^[^,/]*$' });

/** Files for the config drive, base64. */
export const Personality = Type.Array(
  Type.Object(
    {
      path: Type.String({ minLength: 1, maxLength: 255, pattern: `^${printable}*$` }),
      contents: Type.String({ maxLength: 65_535 }),
    },
    closed,
  ),
);

export interface CountBounds {
  minimum: number;
}

/** The number that `Count` let pass; undefined when a string held one out of range. */
export function countOf(value: number | string, { minimum }: CountBounds): number | undefined {
  const count = Number(value);
  return count >= minimum && count <= 0x7fffffff ? count : undefined;
}

export const uuidPattern = '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
