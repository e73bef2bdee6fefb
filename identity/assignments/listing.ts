import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import type { Actor, Target } from './assignment.ts';
import { type EffectiveFilter, effectiveAssignments, type Listed } from './effective.ts';

export interface AssignmentFilter extends Omit<EffectiveFilter, 'groupIds'> {
  groupId?: string | undefined;
  /** What follows from assignments, instead of the assignments as they were given. */
  effective: boolean;
  /** Only on this domain and its projects. */
  inDomainId?: string | null;
  withNames?: boolean;
}

export interface Named {
  id: string;
  name: string;
  domain?: { id: string; name: string };
}

export interface ListedAssignment {
  /** Its place in the list; a page begins after one. */
  id: string;
  actor: Actor;
  roleId: string;
  target: Target;
  isInherited: boolean;
  /** Of an effective one: the group that it comes through, and what it is inherited from. */
  viaGroupId: string | null;
  inheritedFrom: Exclude<Target, 'system'> | null;
  /** The role that was given, and the one that directly implies this one; null when it is itself the one given. */
  givenRoleId: string;
  priorRoleId: string | null;
  names: { actor: Named; role: Named; target: Named | null } | null;
}

/** One page of assignments in one statement, in an order of their ids. */
export async function listAssignments(
  db: Knex,
  filter: AssignmentFilter,
  { limit, marker }: PageRequest,
): Promise<{ assignments: ListedAssignment[]; more: boolean }> {
  const { sql, bindings } = filter.effective ? effectiveAssignments(filter) : givenAssignments(filter);
  const { inDomainId, withNames } = filter;
  if (marker?.includes('\0')) throw new BadRequest('The marker is none of a page before.');
  const { rows } = await db.raw(
    `with recursive ${sql},
      keyed as (
        select concat_ws('.', coalesce(user_id, group_id), coalesce(project_id, domain_id, ''), role_id, inherited::int,
                 via_group, via_project, via_domain, prior_role, given_role) collate "C" as id, *
          from listed
         where ${inDomainId == null ? 'true' : 'domain_id = :inDomainId or project_id in (select id from projects where domain_id = :inDomainId)'}
      ),
      page as (select * from keyed where ${marker === undefined ? 'true' : 'id > :marker'} order by id limit :limit)
      select page.* ${withNames ? names : ''} from page order by id`,
    {
      ...bindings,
      limit: limit + 1,
      ...(marker !== undefined && { marker }),
      ...(inDomainId != null && { inDomainId }),
    } as Record<string, Knex.RawBinding>, // arrays are values too, which knex's type leaves out
  );
  const found: Row[] = rows.slice(0, limit);
  return { assignments: found.map(fromRow), more: rows.length > limit && limit > 0 };
}

/** As they were given. A project's subtree is of places: what is inherited on it is another matter. */
function givenAssignments({ userId, groupId, roleId, target, withSubtree, inherited }: AssignmentFilter): Listed {
  const conditions = ['true'];
  const bindings: Listed['bindings'] = {};
  const where = (column: string, name: string, value: string | undefined) => {
    if (value === undefined) return;
    conditions.push(`${column} = :${name}`);
    bindings[name] = value;
  };
  where('user_id', 'userId', userId);
  where('group_id', 'groupId', groupId);
  where('role_id', 'roleId', roleId);
  if (inherited !== undefined) conditions.push(inherited ? 'inherited' : 'not inherited');
  if (target === 'system') conditions.push('system');
  else if (target !== undefined && 'domainId' in target) where('domain_id', 'domainId', target.domainId);
  else if (target !== undefined && withSubtree) {
    conditions.push('project_id in (select id from tree)');
    bindings.projectId = target.projectId;
  } else if (target !== undefined) where('project_id', 'projectId', target.projectId);
  const tree = withSubtree
    ? `tree(id) as (
         select :projectId::text union select p.id from projects p join tree on p.parent_id = tree.id
       ),`
    : '';
  return {
    sql: `${tree} listed as (
      select user_id, group_id, role_id, project_id, domain_id, system, inherited, null::text as via_group,
             null::text as via_project, null::text as via_domain, role_id as given_role, null::text as prior_role
        from role_assignments where ${conditions.join(' and ')}
    )`,
    bindings,
  };
}

const inDomain = (table: string, id: string) =>
  `select json_build_object('id', x.id, 'name', x.name, 'domain', json_build_object('id', d.id, 'name', d.name))
     from ${table} x join domains d on d.id = x.domain_id where x.id = ${id}`;

const names = `,
  coalesce((${inDomain('users', 'page.user_id')}), (${inDomain('groups', 'page.group_id')})) as actor,
  coalesce((${inDomain('projects', 'page.project_id')}),
           (select json_build_object('id', id, 'name', name) from domains where id = page.domain_id)) as place,
  coalesce((${inDomain('roles', 'page.role_id')}),
           (select json_build_object('id', id, 'name', name) from roles where id = page.role_id)) as role`;

interface Row {
  id: string;
  user_id: string | null;
  group_id: string | null;
  role_id: string;
  project_id: string | null;
  domain_id: string | null;
  inherited: boolean;
  via_group: string | null;
  via_project: string | null;
  via_domain: string | null;
  given_role: string;
  prior_role: string | null;
  actor?: Named;
  place?: Named | null;
  role?: Named;
}

function fromRow(row: Row): ListedAssignment {
  const { id, user_id, group_id, role_id, project_id, domain_id, actor, role, place = null } = row;
  const from = placeOf(row.via_project, row.via_domain);
  return {
    id,
    actor: user_id === null ? { groupId: group_id ?? '' } : { userId: user_id },
    roleId: role_id,
    target: placeOf(project_id, domain_id),
    isInherited: row.inherited,
    viaGroupId: row.via_group,
    inheritedFrom: from === 'system' ? null : from,
    givenRoleId: row.given_role,
    priorRoleId: row.prior_role,
    names: actor && role ? { actor, role, target: place } : null,
  };
}

function placeOf(projectId: string | null, domainId: string | null): Target {
  if (projectId !== null) return { projectId };
  return domainId === null ? 'system' : { domainId };
}
