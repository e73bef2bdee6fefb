import type { Expression, Operand, Target } from './check-string.ts';

/** Whom a check is about. */
export interface Credentials {
  readonly roles: readonly string[];
  readonly attributes: Readonly<Record<CredentialAttribute, string | null>>;
}

/** What a check may ask of a token, by the names that oslo.context gives it. */
export const credentialAttributes = [
  'user_id',
  'user_domain_id',
  'project_id',
  'domain_id',
  'system_scope',
  'is_admin',
  'is_admin_project',
] as const;

export type CredentialAttribute = (typeof credentialAttributes)[number];

/** A compiled check string. */
export type Check = (credentials: Credentials, target: Target) => boolean;

/** Makes a function of it. `ruleNamed` gives the checks that it refers to, which have to be there already. */
export function compileCheck(expression: Expression, ruleNamed: (name: string) => Check): Check {
  switch (expression.kind) {
    case 'always':
      return () => true;
    case 'never':
      return () => false;
    case 'rule':
      return ruleNamed(expression.name);
    case 'not': {
      const inner = compileCheck(expression.of, ruleNamed);
      return (credentials, target) => !inner(credentials, target);
    }
    case 'all': {
      const parts = expression.of.map((part) => compileCheck(part, ruleNamed));
      return (credentials, target) => parts.every((part) => part(credentials, target));
    }
    case 'any': {
      const parts = expression.of.map((part) => compileCheck(part, ruleNamed));
      return (credentials, target) => parts.some((part) => part(credentials, target));
    }
    case 'literal':
      return (_, target) => textOf(targetAttribute(target, expression.target)) === expression.value;
    case 'role':
      return roleCheck(expression.wanted);
    case 'attribute':
      return attributeCheck(expression.attribute as CredentialAttribute, expression.wanted);
  }
}

/** Roles are told apart without regard to case, as everywhere in OpenStack. */
function roleCheck(wanted: Operand): Check {
  if ('text' in wanted) {
    const role = wanted.text.toLowerCase();
    return ({ roles }) => roles.includes(role) || roles.some((held) => held.toLowerCase() === role);
  }
  return ({ roles }, target) => {
    const role = textOf(targetAttribute(target, wanted.target))?.toLowerCase();
    return role !== undefined && roles.some((held) => held.toLowerCase() === role);
  };
}

function attributeCheck(attribute: CredentialAttribute, wanted: Operand): Check {
  if ('text' in wanted) return ({ attributes }) => textOf(attributes[attribute]) === wanted.text;
  return ({ attributes }, target) => {
    const [held, value] = [attributes[attribute], targetAttribute(target, wanted.target)];
    // oslo.policy lets None equal None: a token for no project would own what belongs to none.
    return held !== null && held !== undefined && value !== null && textOf(value) === held;
  };
}

/** An identity route names what it is about by `target.user.id`, where policy files of old say `user_id`. */
const olderNames: Readonly<Record<string, string>> = {
  user_id: 'target.user.id',
  project_id: 'target.project.id',
  domain_id: 'target.domain.id',
};

/** Undefined when what the request is about has no such attribute. */
export function targetAttribute(target: Target, key: string): Target[string] {
  if (Object.hasOwn(target, key) && target[key] !== undefined) return target[key];
  const older = Object.hasOwn(olderNames, key) ? olderNames[key] : undefined;
  return older !== undefined && Object.hasOwn(target, older) ? target[older] : undefined;
}

/** As Python prints it, because that is what policy files compare with. */
export function textOf(value: Target[string]): string | undefined {
  if (value === undefined) return undefined;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}
