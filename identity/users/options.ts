import { Type } from 'typebox';

const flag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));

/** One way to prove who one is: so many methods together. */
const rule = Type.Array(Type.String({ minLength: 1, maxLength: 64, pattern: '^[\\w.-]+$' }), {
  minItems: 1,
  maxItems: 16,
  uniqueItems: true,
});

/** The options of users (keystone/identity/backends/resource_options.py); null clears one. What they do is for logging in to decide. */
export const UserOptions = Type.Object(
  {
    ignore_change_password_upon_first_use: flag,
    ignore_password_expiry: flag,
    ignore_lockout_failure_attempts: flag,
    ignore_user_inactivity: flag,
    lock_password: flag,
    multi_factor_auth_enabled: flag,
    multi_factor_auth_rules: Type.Optional(
      Type.Union([Type.Array(rule, { maxItems: 64, uniqueItems: true }), Type.Null()]),
    ),
    immutable: flag,
  },
  { additionalProperties: false },
);
