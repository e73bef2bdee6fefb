/**
 * What follows from assignments: to the members of a group what the group was given, on the projects below what was given
 * above them, and with each role those that it implies. What a token carries is read by tokens/access.ts, for one user on
 * one scope; here it is for any filter, and says from where each role comes. assignments/effective.test.ts keeps the two
 * equal.
 */
import type { Target } from './assignment.ts';

export interface EffectiveFilter {
  userId?: string | undefined;
  /** Groups that only the user's login puts them in (federation). */
  groupIds?: readonly string[];
  roleId?: string | undefined;
  target?: Target | undefined;
  /** With a project: also the projects below it. */
  withSubtree?: boolean;
  /** True: only what is inherited from above; false: only what was given on the target itself. */
  inherited?: boolean | undefined;
}

/** A common table `listed`, and what leads to it, for a statement that begins `with recursive`. */
export interface Listed {
  sql: string;
  bindings: Record<string, string | string[] | null>;
}

/**
 * `listed` has `user_id`, `role_id` on one of `project_id`, `domain_id` and `system`; whether it is `inherited`, then from
 * `via_project` or `via_domain`; through which `via_group`; and the `given_role` with the `prior_role` that directly implies
 * the role. A domain's own roles are not in it: they reach nobody's token.
 */
export function effectiveAssignments(filter: EffectiveFilter): Listed {
  const { userId, roleId, target, inherited } = filter;
  const place = placeOf(target);
  const sql = `implied(given_role, role_id, prior_role) as (
      select id, id, null::text from roles
      union
      select i.given_role, m.implied_role_id, m.prior_role_id
        from implied i join role_implications m on m.prior_role_id = i.role_id
    ),
    given as ${userId === undefined ? givenToAll : givenToOne},
    ${place === 'project' ? targets(filter.withSubtree === true) : ''}
    ${inherited === false ? '' : wayDown[place]}
    placed as (${[
      ...(inherited === true ? [] : [givenHere[place]]),
      ...(inherited === false ? [] : fromAbove[place]),
    ].join(' union all ')}),
    held as (${userId === undefined ? heldByAll : heldByOne}),
    listed as (
      select h.user_id, null::text as group_id, i.role_id, h.project_id, h.domain_id, h.system, h.inherited,
             h.via_group, h.via_project, h.via_domain, h.given_role, i.prior_role
        from held h join implied i on i.given_role = h.given_role join roles r on r.id = i.role_id
       where r.domain_id is null ${roleId === undefined ? '' : 'and i.role_id = :roleId'}
    )`;
  return {
    sql,
    bindings: {
      ...(userId !== undefined && { userId, groupIds: [...(filter.groupIds ?? [])] }),
      ...(roleId !== undefined && { roleId }),
      ...(target !== undefined && target !== 'system' && target),
    },
  };
}

/** All of them as they stand, for the planner to take those of a place by an index. */
const givenToAll = 'not materialized (select * from role_assignments)';
const heldByAll = `
      select p.*, null::text as via_group from placed p where p.user_id is not null
      union all
      select m.user_id, p.group_id, p.given_role, p.project_id, p.domain_id, p.system, p.inherited, p.via_project,
             p.via_domain, p.group_id
        from placed p join memberships m on m.group_id = p.group_id`;

/** The few of one user and their groups. */
const givenToOne = `materialized (
      select * from role_assignments where user_id = :userId
      union all
      select a.* from (
        select group_id from memberships where user_id = :userId union select unnest(:groupIds::text[])
      ) theirs join role_assignments a on a.group_id = theirs.group_id
    )`;
const heldByOne = `
      select :userId::text as user_id, given_role, project_id, domain_id, system, inherited, via_project, via_domain,
             group_id as via_group
        from placed`;

type Place = 'any' | 'project' | 'domain' | 'system';

function placeOf(target: Target | undefined): Place {
  if (target === undefined) return 'any';
  if (target === 'system') return 'system';
  return 'projectId' in target ? 'project' : 'domain';
}

const columns = (project: string, inherited: boolean, via: string) =>
  `select g.user_id, g.group_id, g.role_id as given_role, ${project}, ${inherited} as inherited, ${via} from given g`;
const asGiven = columns(
  'g.project_id, g.domain_id, g.system',
  false,
  'null::text as via_project, null::text as via_domain',
);
const inheritedBy = (project: string) =>
  columns(
    `${project} as project_id, null::text as domain_id, false as system`,
    true,
    'g.project_id as via_project, g.domain_id as via_domain',
  );

const givenHere: Record<Place, string> = {
  any: `${asGiven} where not g.inherited`,
  project: `${asGiven} where not g.inherited and g.project_id in (select id from targets)`,
  domain: `${asGiven} where not g.inherited and g.domain_id = :domainId`,
  system: `${asGiven} where g.system`,
};

/** Domains and the system inherit nothing. */
const fromAbove: Record<Place, string[]> = {
  any: [
    `${inheritedBy('p.id')} join projects p on p.domain_id = g.domain_id where g.inherited`,
    `${inheritedBy('b.id')} join below b on b.top = g.project_id where g.inherited`,
  ],
  project: [
    `${inheritedBy('t.id')} join targets t on t.domain_id = g.domain_id where g.inherited`,
    `${inheritedBy('a.id')} join above a on a.above_id = g.project_id where g.inherited`,
  ],
  domain: [`${asGiven} where false`],
  system: [`${asGiven} where false`],
};

const targets = (withSubtree: boolean) => `targets(id, domain_id) as (
      select id, domain_id from projects where id = :projectId
      ${withSubtree ? 'union select p.id, p.domain_id from projects p join targets t on p.parent_id = t.id' : ''}
    ),`;

/** Each target with every project above it. */
const aboveTargets = `above(id, above_id) as (
      select t.id, p.parent_id from targets t join projects p on p.id = t.id where p.parent_id is not null
      union
      select a.id, p.parent_id from above a join projects p on p.id = a.above_id where p.parent_id is not null
    ),`;

/** Each project from which something is inherited, with every project below it. */
const belowGiven = `below(top, id) as (
      select p.parent_id, p.id from projects p
       where p.parent_id in (select project_id from given where inherited and project_id is not null)
      union
      select b.top, p.id from below b join projects p on p.parent_id = b.id
    ),`;

const wayDown: Record<Place, string> = { any: belowGiven, project: aboveTargets, domain: '', system: '' };
