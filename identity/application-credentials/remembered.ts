import { boundedMap } from '../../common/bounded-map.ts';
import type { AccessRule } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { accessRulesOf } from './access-rules.ts';

/** The most application credentials whose access rules are remembered, and the most rules; the oldest go. */
const most = { entries: 1000, total: 20_000 };

/** Finds the access rules of application credentials. Those never change, and with a credential's end its tokens end. */
export function rememberAccessRules(db: Knex): (applicationCredentialId: string) => Promise<readonly AccessRule[]> {
  const known = boundedMap<readonly AccessRule[]>(most, (rules) => rules.length);
  return async (id) => {
    const rules = known.get(id) ?? (await accessRulesOf(db, id));
    known.set(id, rules);
    return rules;
  };
}
