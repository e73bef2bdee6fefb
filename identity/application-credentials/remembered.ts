import type { AccessRule } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { accessRulesOf } from './access-rules.ts';

/** The most application credentials whose access rules are remembered; the oldest go. */
const most = 1000;

/** Finds the access rules of application credentials. Those never change, and with a credential's end its tokens end. */
export function rememberAccessRules(db: Knex): (applicationCredentialId: string) => Promise<readonly AccessRule[]> {
  const known = new Map<string, readonly AccessRule[]>();
  return async (id) => {
    const rules = known.get(id) ?? (await accessRulesOf(db, id));
    known.set(id, rules);
    if (known.size > most) known.delete(known.keys().next().value as string);
    return rules;
  };
}
