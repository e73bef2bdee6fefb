import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import type { Actor, Target } from './assignment.ts';

interface InDomain {
  id: string;
  domainId: string;
}

/** What a grant is about. What is not there is absent. */
export interface GrantFacts {
  user?: InDomain;
  group?: InDomain;
  project?: InDomain;
  domain?: { id: string };
  role?: { id: string; name: string; domainId: string | null };
}

export interface GrantNames {
  actor: Actor;
  target: Target;
  roleId?: string | undefined;
}

/** Looks up everything at once. */
export async function lookUpGrant(db: Knex, { actor, target, roleId }: GrantNames): Promise<GrantFacts> {
  const place = target === 'system' ? {} : target;
  const { rows } = await db.raw(
    `select
       (select json_build_object('id', id, 'domainId', domain_id) from users where id = :userId) as user,
       (select json_build_object('id', id, 'domainId', domain_id) from groups where id = :groupId) as group,
       (select json_build_object('id', id, 'domainId', domain_id) from projects where id = :projectId) as project,
       (select json_build_object('id', id) from domains where id = :domainId) as domain,
       (select json_build_object('id', id, 'name', name, 'domainId', domain_id) from roles where id = :roleId) as role`,
    {
      userId: 'userId' in actor ? actor.userId : null,
      groupId: 'groupId' in actor ? actor.groupId : null,
      projectId: 'projectId' in place ? place.projectId : null,
      domainId: 'domainId' in place ? place.domainId : null,
      roleId: roleId ?? null,
    } as Record<string, Knex.RawBinding>, // null is a value too, which knex's type leaves out
  );
  return Object.fromEntries(Object.entries(rows[0]).filter(([, fact]) => fact !== null));
}

/** Looks everything up. Throws `NotFound` for the first that is not there: the actor, the target, the role. */
export async function getGrantFacts(db: Knex, names: GrantNames): Promise<GrantFacts> {
  const { actor, target, roleId } = names;
  const facts = await lookUpGrant(db, names);
  if ('userId' in actor && !facts.user) throw new NotFound('user', actor.userId);
  if ('groupId' in actor && !facts.group) throw new NotFound('group', actor.groupId);
  if (target !== 'system') {
    if ('projectId' in target && !facts.project) throw new NotFound('project', target.projectId);
    if ('domainId' in target && !facts.domain) throw new NotFound('domain', target.domainId);
  }
  if (roleId !== undefined && !facts.role) throw new NotFound('role', roleId);
  return facts;
}
