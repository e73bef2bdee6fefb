import type { Knex } from '../../common/database/database.ts';
import type { TokenScope } from '../tokens/token.ts';

export interface Named {
  id: string;
  name: string;
}

/** One way by which somebody comes to hold a role somewhere. */
export interface Origin {
  /** The role that was assigned. */
  role: Named;
  /** Null: to the user, not to a group they are in. */
  group: Named | null;
  /** Null: on the scope itself. Otherwise what is above it, from which the assignment is inherited. */
  inheritedFrom: ({ type: 'project' | 'domain' } & Named) | null;
  /** From the assigned role to the one held, both included; that one alone when nothing had to imply it. */
  implies: Named[];
}

interface AssignmentRow {
  role_id: string;
  role_name: string;
  group_id: string | null;
  group_name: string | null;
  inherited: boolean;
  project_id: string | null;
  project_name: string | null;
  domain_id: string | null;
  domain_name: string | null;
}

/**
 * Everything that gives a user roles on a scope, by the id of the role; also a domain's own roles, which reach nobody's token
 * but may imply what does. Disabled projects and domains are looked at alike. identity/assignments/effective.test.ts keeps
 * it equal to what tokens carry.
 */
export async function originsOf(db: Knex, userId: string, scope: TokenScope): Promise<Map<string, Origin[]>> {
  if (scope.type === 'unscoped') return new Map();
  const assignments = await assignmentsOn(db, userId, scope);
  const steps = await implicationsFrom(db, [...new Set(assignments.map((row) => row.role_id))]);
  const origins = new Map<string, Origin[]>();
  for (const row of assignments)
    for (const path of pathsFrom({ id: row.role_id, name: row.role_name }, steps)) {
      const held = path.at(-1) as Named;
      origins.set(held.id, [...(origins.get(held.id) ?? []), originOf(row, path)]);
    }
  return origins;
}

function originOf(row: AssignmentRow, implies: Named[]): Origin {
  const { group_id, group_name, inherited, project_id, project_name, domain_id, domain_name } = row;
  const above: Origin['inheritedFrom'] =
    project_id !== null
      ? { type: 'project', id: project_id, name: project_name ?? '' }
      : { type: 'domain', id: domain_id ?? '', name: domain_name ?? '' };
  return {
    role: { id: row.role_id, name: row.role_name },
    group: group_id === null ? null : { id: group_id, name: group_name ?? '' },
    inheritedFrom: inherited ? above : null,
    implies,
  };
}

const places = {
  project: `exists (select from scope where
      (a.project_id = scope.id and not a.inherited)
      or (a.inherited and (a.domain_id = scope.domain_id or a.project_id in (select id from above))))`,
  domain: 'a.domain_id = :scopeId and not a.inherited',
  system: 'a.system',
};

async function assignmentsOn(
  db: Knex,
  userId: string,
  scope: Exclude<TokenScope, { type: 'unscoped' }>,
): Promise<AssignmentRow[]> {
  const { rows } = await db.raw(
    `with recursive
       scope as (select id, domain_id, parent_id from projects where id = :scopeId),
       above(id) as (
         select parent_id from scope where parent_id is not null
         union select p.parent_id from projects p join above on above.id = p.id where p.parent_id is not null
       )
     select r.id as role_id, r.name as role_name, g.id as group_id, g.name as group_name, a.inherited,
       p.id as project_id, p.name as project_name, d.id as domain_id, d.name as domain_name
     from role_assignments a
       join roles r on r.id = a.role_id
       left join groups g on g.id = a.group_id
       left join projects p on p.id = a.project_id
       left join domains d on d.id = a.domain_id
     where (a.user_id = :userId or a.group_id in (select group_id from memberships where user_id = :userId))
       and ${places[scope.type]}
     order by r.name, r.id, a.inherited, g.name nulls first, p.name, d.name`,
    { userId, scopeId: 'id' in scope ? scope.id : '' },
  );
  return rows;
}

/** What each role that can be reached implies, in one step. */
async function implicationsFrom(db: Knex, roleIds: string[]): Promise<Map<string, Named[]>> {
  const { rows } = await db.raw(
    `with recursive reached(id) as (
       select unnest(:roleIds::text[])
       union select i.implied_role_id from role_implications i join reached on reached.id = i.prior_role_id
     )
     select i.prior_role_id as prior, r.id, r.name
     from role_implications i join reached on reached.id = i.prior_role_id join roles r on r.id = i.implied_role_id
     order by r.name, r.id`,
    { roleIds },
  );
  const steps = new Map<string, Named[]>();
  for (const { prior, id, name } of rows) steps.set(prior, [...(steps.get(prior) ?? []), { id, name }]);
  return steps;
}

/** The shortest way to each role that one brings, itself included. Roles may imply one another in a circle. */
function pathsFrom(role: Named, steps: ReadonlyMap<string, Named[]>): Named[][] {
  const paths: Named[][] = [[role]];
  const seen = new Set([role.id]);
  for (const path of paths)
    for (const next of steps.get((path.at(-1) as Named).id) ?? [])
      if (!seen.has(next.id)) {
        seen.add(next.id);
        paths.push([...path, next]);
      }
  return paths;
}
