import type { Context } from '../../common/context.ts';
import { Forbidden } from '../../common/errors.ts';
import type { Permission, PropertyOperation, ProtectionRule } from './rules-file.ts';

type Properties = Readonly<Record<string, string>>;

/** Who may do what with which property of images. Until there are rules, whoever may change an image may do everything. */
export interface PropertyProtection {
  allows(ctx: Context, operation: PropertyOperation, property: string): boolean;
  /** The properties that somebody may know of. */
  readable<T extends { properties: Record<string, string> }>(ctx: Context, image: T): T;
  /**
   * All properties of an image once somebody who sees `before` of them has made `after` of what they see: what they do not
   * see stays. Throws `Forbidden`, in Glance's words, for what they may not do.
   */
  changed(ctx: Context, before: Properties, after: Properties): Record<string, string>;
  /** Those for whom it is the same word see the same properties; undefined where that cannot be said. */
  readerOf(ctx: Context): string | undefined;
  /** Policy rules that the rules refer to. */
  policies(): string[];
  replace(rules: readonly ProtectionRule[]): void;
}

/** `holds`: whether a rule of the policy holds for somebody; not so where there is no such rule. */
export function createPropertyProtection(holds: (ctx: Context, policy: string) => boolean): PropertyProtection {
  let rules: readonly ProtectionRule[] = [];
  let generation = 0;

  const isPermitted = (ctx: Context, permission: Permission | undefined): boolean => {
    if (permission === undefined || permission === 'nobody') return false;
    if (permission === 'everybody') return true;
    if ('policy' in permission) return holds(ctx, permission.policy);
    return ctx.roles.some((role) => permission.roles.has(role.toLowerCase()));
  };
  const allows: PropertyProtection['allows'] = (ctx, operation, property) =>
    rules.length === 0 ||
    isPermitted(ctx, rules.find(({ expression }) => expression.test(property))?.permissions[operation]);
  const check = (ctx: Context, operation: PropertyOperation, property: string) => {
    if (!allows(ctx, operation, property)) throw new Forbidden(`Attribute '${property}' is reserved.`);
  };
  const readable = (ctx: Context, properties: Properties): Record<string, string> =>
    Object.fromEntries(Object.entries(properties).filter(([name]) => allows(ctx, 'read', name)));

  return {
    allows,
    readable: (ctx, image) => (rules.length === 0 ? image : { ...image, properties: readable(ctx, image.properties) }),
    changed(ctx, before, after) {
      if (rules.length === 0) return { ...after };
      const seen = readable(ctx, before);
      for (const [name, value] of Object.entries(after)) {
        if (!Object.hasOwn(seen, name)) check(ctx, 'create', name);
        // Also where they do not see that it is there: who may create a property may not undo what another has said.
        if (Object.hasOwn(before, name) && before[name] !== value) check(ctx, 'update', name);
      }
      for (const name of Object.keys(seen)) if (!Object.hasOwn(after, name)) check(ctx, 'delete', name);
      const unseen = Object.entries(before).filter(([name]) => !Object.hasOwn(seen, name));
      return { ...Object.fromEntries(unseen), ...after };
    },
    readerOf(ctx) {
      if (rules.length === 0) return '';
      const readers = rules.map(({ permissions }) => permissions.read);
      if (readers.some((reader) => typeof reader === 'object' && 'policy' in reader)) return undefined;
      return `${generation} ${ctx.roles.toSorted().join()}`;
    },
    policies: () => [
      ...new Set(
        rules
          .flatMap(({ permissions }) => Object.values(permissions))
          .flatMap((permission) => (typeof permission === 'object' && 'policy' in permission ? permission.policy : [])),
      ),
    ],
    replace(next) {
      rules = next;
      generation += 1;
    },
  };
}
