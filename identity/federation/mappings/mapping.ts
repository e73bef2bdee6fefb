import { type Static, Type } from 'typebox';

/**
 * Keystone's mapping language: rules that turn what an identity provider says of somebody (`remote`) into a user, groups
 * and projects here (`local`). keystone doc/source/admin/federation/mapping_combinations.rst; its schema is
 * keystone/federation/utils.py.
 */

const closed = { additionalProperties: false } as const;
const text = Type.String({ minLength: 1, maxLength: 255 });

const DomainSchema = Type.Object(
  { id: Type.Optional(text), name: Type.Optional(text) },
  { ...closed, minProperties: 1 },
);

const UserSchema = Type.Object(
  {
    id: Type.Optional(text),
    name: Type.Optional(text),
    email: Type.Optional(text),
    domain: Type.Optional(DomainSchema),
    type: Type.Optional(Type.Union([Type.Literal('ephemeral'), Type.Literal('local')])),
  },
  closed,
);

const ProjectSchema = Type.Object(
  {
    name: text,
    roles: Type.Array(Type.Object({ name: text }, closed), { maxItems: 100 }),
    domain: Type.Optional(DomainSchema), // since 2.0
  },
  closed,
);

const LocalSchema = Type.Object(
  {
    user: Type.Optional(UserSchema),
    group: Type.Optional(
      Type.Object({ id: Type.Optional(text), name: Type.Optional(text), domain: Type.Optional(DomainSchema) }, closed),
    ),
    groups: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
    group_ids: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
    domain: Type.Optional(DomainSchema),
    projects: Type.Optional(Type.Array(ProjectSchema, { maxItems: 100 })),
  },
  closed,
);

const values = Type.Optional(Type.Array(Type.String({ maxLength: 1024 }), { maxItems: 1000 }));

const RemoteSchema = Type.Object(
  {
    type: text,
    any_one_of: values,
    not_any_of: values,
    whitelist: values,
    blacklist: values,
    regex: Type.Optional(Type.Boolean()),
  },
  closed,
);

const RuleSchema = Type.Object(
  {
    local: Type.Array(LocalSchema, { maxItems: 100 }),
    remote: Type.Array(RemoteSchema, { minItems: 1, maxItems: 100 }),
  },
  closed,
);

/** The shape of a mapping's body; what a shape cannot say is checked by `checkMapping`. */
export const MappingBody = Type.Object(
  {
    rules: Type.Array(RuleSchema, { minItems: 1, maxItems: 200 }),
    schema_version: Type.Optional(Type.Union([Type.Literal('1.0'), Type.Literal('2.0')])),
  },
  closed,
);

export type Rule = Static<typeof RuleSchema>;
export type Local = Static<typeof LocalSchema>;
export type Remote = Static<typeof RemoteSchema>;
export type DomainReference = Static<typeof DomainSchema>;

/** 2.0: a `domain` beside a user or projects is theirs too; in 1.0 it is only that of `groups`. */
export type SchemaVersion = '1.0' | '2.0';

export interface Mapping {
  id: string;
  rules: Rule[];
  schemaVersion: SchemaVersion;
}

export const conditions = ['any_one_of', 'not_any_of', 'whitelist', 'blacklist'] as const;
export type Condition = (typeof conditions)[number];

/** The condition of a requirement, if it has one. */
export function conditionOf(remote: Remote): { kind: Condition; values: string[] } | undefined {
  const kind = conditions.find((one) => remote[one] !== undefined);
  return kind && { kind, values: remote[kind] ?? [] };
}

/** Whether a requirement's values can be referred to as `{0}`, `{1}` …; the two that only ask yes or no are not counted. */
export function isDirect(remote: Remote): boolean {
  return remote.any_one_of === undefined && remote.not_any_of === undefined;
}
