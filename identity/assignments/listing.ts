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
  names: { actor: Named; role: Named; target: Named } | null;
}

/** One page of assignments in one statement, and their names in another. */
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
      select * from page order by id`,
    {
      ...bindings,
      limit: limit + 1,
      ...(marker !== undefined && { marker }),
      ...(inDomainId != null && { inDomainId }),
    } as Record<string, Knex.RawBinding>, // arrays are values too, which knex's type leaves out
  );
  const found: Row[] = rows.slice(0, limit);
  const names = withNames ? await namesFor(db, found) : null;
  return { assignments: found.map((row) => fromRow(row, names)), more: rows.length > limit && limit > 0 };
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

type Names = Map<string, Named>;

/** By kind and id. A second statement: each name is read once, however often it is in the list. */
async function namesFor(db: Knex, rows: Row[]): Promise<Names> {
  const ids = (column: keyof Row) => [...new Set(rows.map((row) => row[column]).filter((id) => id !== null))];
  const { rows: named } = await db.raw(
    `with named as (
       select 'user' as kind, id, name, domain_id from users where id = any(:users::text[])
       union all select 'group', id, name, domain_id from groups where id = any(:groups::text[])
       union all select 'project', id, name, domain_id from projects where id = any(:projects::text[])
       union all select 'domain', id, name, null from domains where id = any(:domains::text[])
       union all select 'role', id, name, domain_id from roles where id = any(:roles::text[])
     )
     select n.kind, n.id, n.name, d.id as domain_id, d.name as domain_name
       from named n left join domains d on d.id = n.domain_id`,
    {
      users: ids('user_id'),
      groups: ids('group_id'),
      projects: ids('project_id'),
      domains: ids('domain_id'),
      roles: ids('role_id'),
    } as Record<string, Knex.RawBinding>, // arrays are values too, which knex's type leaves out
  );
  return new Map(
    named.map(({ kind, id, name, domain_id, domain_name }: Record<string, string>): [string, Named] => {
      const domain = domain_id && domain_name ? { domain: { id: domain_id, name: domain_name } } : {};
      return [`${kind} ${id}`, { id: id ?? '', name: name ?? '', ...domain }];
    }),
  );
}

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
}

function fromRow(row: Row, names: Names | null): ListedAssignment {
  const { id, user_id, group_id, role_id, project_id, domain_id } = row;
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
    names: names && {
      actor: nameIn(names, user_id === null ? 'group' : 'user', user_id ?? group_id),
      role: nameIn(names, 'role', role_id),
      target: project_id === null ? nameIn(names, 'domain', domain_id) : nameIn(names, 'project', project_id),
    },
  };
}

/** What was deleted since the list was read has no name any more. */
function nameIn(names: Names, kind: string, id: string | null): Named {
  return names.get(`${kind} ${id}`) ?? { id: id ?? '', name: '' };
}

function placeOf(projectId: string | null, domainId: string | null): Target {
  if (projectId !== null) return { projectId };
  return domainId === null ? 'system' : { domainId };
}
