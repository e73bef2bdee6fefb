import type { Static } from 'typebox';
import { type TSchema, Type } from 'typebox';

/** Attributes and their forms, as the Networking API bounds them. */
export const closed = { additionalProperties: false };
export const name = Type.String({ maxLength: 255 });
export const description = Type.String({ maxLength: 255 });
export const projectId = Type.String({ minLength: 1, maxLength: 255 });
export const uuid = Type.String({ maxLength: 64, description: 'A UUID' });
export const address = Type.String({ maxLength: 64, description: 'An IP address' });
export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const hostRoutes = Type.Array(Type.Object({ destination: address, nexthop: address }, closed), {
  maxItems: 100,
});
export const fixedIps = Type.Array(
  Type.Object({ subnet_id: Type.Optional(uuid), ip_address: Type.Optional(address) }, closed),
  { maxItems: 16 },
);

/** `{"network": {…}}`, or `{"networks": [{…}, …]}` to create all or none. */
export function oneOrMany<One extends string, Many extends string, T extends TSchema>(one: One, many: Many, schema: T) {
  return Type.Union([
    Type.Object({ [one]: schema } as Record<One, T>, closed),
    Type.Object({ [many]: Type.Array(schema, { minItems: 1, maxItems: 100 }) }, closed),
  ]);
}

/** What was asked for, as a list, and whether it came as one. */
export function asked<T extends TSchema>(
  body: object,
  one: string,
  many: string,
): { items: Static<T>[]; bulk: boolean } {
  const fields = body as Record<string, unknown>; // validated by the schema above
  const bulk = Object.hasOwn(fields, many);
  return { items: (bulk ? fields[many] : [fields[one]]) as Static<T>[], bulk };
}
