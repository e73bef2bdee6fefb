/** Small worlds of projects, groups, roles and grants, and a slow model of what follows from them. */
import type { Knex } from '../../../common/database/database.ts';
import type { Actor, Grant, Target } from '../assignment.ts';

export interface World {
  projects: { id: string; domainId: string; parentId: string | null }[];
  users: string[];
  groups: { id: string; members: Set<string> }[];
  roles: { id: string; domainId: string | null }[];
  implications: [prior: string, implied: string][];
  grants: Grant[];
}

export const domains = ['d0', 'd1'];

/** The same sequence for the same seed (mulberry32), so that a failure can be had again. */
export function randomFrom(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number) => Math.floor(next() * n);
  return {
    chance: (p: number) => next() < p,
    below,
    pick: <T>(from: readonly T[]): T => from[below(from.length)] as T,
  };
}
export type Random = ReturnType<typeof randomFrom>;

export function makeWorld(random: Random): World {
  const { below, pick, chance } = random;
  const many = (n: number) => Array.from({ length: n }, (_, i) => i);
  const projects: World['projects'] = [];
  for (const i of many(2 + below(8))) {
    const parent = chance(0.6) && projects.length > 0 ? pick(projects) : null;
    projects.push({ id: `p${i}`, domainId: parent?.domainId ?? pick(domains), parentId: parent?.id ?? null });
  }
  const users = many(1 + below(4)).map((i) => `u${i}`);
  const groups = many(below(4)).map((i) => ({ id: `g${i}`, members: new Set(users.filter(() => chance(0.5))) }));
  const roles = many(2 + below(5)).map((i) => ({ id: `r${i}`, domainId: chance(0.3) ? pick(domains) : null }));
  const implications: World['implications'] = [];
  // From the later to the earlier, so there is no circle.
  for (const [i, prior] of roles.entries())
    for (const implied of roles.slice(0, i))
      if (chance(0.3) && !(prior.domainId === null && implied.domainId !== null))
        implications.push([prior.id, implied.id]);
  const grants = many(2 + below(12)).map((): Grant => {
    const actor: Actor = groups.length > 0 && chance(0.4) ? { groupId: pick(groups).id } : { userId: pick(users) };
    const target: Target = pick<() => Target>([
      () => ({ projectId: pick(projects).id }),
      () => ({ projectId: pick(projects).id }),
      () => ({ domainId: pick(domains) }),
      () => 'system',
    ])();
    return { actor, target, roleId: pick(roles).id, isInherited: target !== 'system' && chance(0.5) };
  });
  const once = new Map(grants.map((grant) => [JSON.stringify(grant), grant]));
  return { projects, users, groups, roles, implications, grants: [...once.values()] };
}

/** Whether a grant holds on a scope, by going up from it. */
function reaches({ projects }: World, { target, isInherited }: Grant, scope: Target): boolean {
  if (target === 'system' || scope === 'system') return target === scope;
  if (!isInherited) return JSON.stringify(target) === JSON.stringify(scope);
  if (!('projectId' in scope)) return false;
  const project = projects.find(({ id }) => id === scope.projectId);
  if (project === undefined) return false;
  if ('domainId' in target) return target.domainId === project.domainId;
  for (let above = project.parentId; above !== null; ) {
    if (above === target.projectId) return true;
    above = projects.find(({ id }) => id === above)?.parentId ?? null;
  }
  return false;
}

function withImplied({ implications }: World, roleId: string): Set<string> {
  const held = new Set([roleId]);
  for (const id of held) for (const [prior, implied] of implications) if (prior === id) held.add(implied);
  return held;
}

/** The roles of a token. */
export function rolesInModel(world: World, userId: string, scope: Target, groupIds: string[] = []): string[] {
  const isTheirs = ({ actor }: Grant) =>
    'userId' in actor
      ? actor.userId === userId
      : groupIds.includes(actor.groupId) ||
        world.groups.some(({ id, members }) => id === actor.groupId && members.has(userId));
  const held = new Set<string>();
  for (const grant of world.grants)
    if (isTheirs(grant) && reaches(world, grant, scope))
      for (const id of withImplied(world, grant.roleId)) held.add(id);
  return [...held].filter((id) => world.roles.find((role) => role.id === id)?.domainId === null).sort();
}

export function scopesOf({ projects }: World): Target[] {
  return [
    ...projects.map(({ id }) => ({ projectId: id })),
    ...domains.map((domainId) => ({ domainId })),
    'system' as const,
  ];
}

/** Puts a world in the place of all that the database knows. */
export async function storeWorld(db: Knex, world: World): Promise<void> {
  const insert = (table: string, rows: object[]) => (rows.length > 0 ? db(table).insert(rows) : undefined);
  await db.raw('truncate domains, projects, users, groups, roles, role_implications, role_assignments cascade');
  await insert(
    'domains',
    domains.map((id) => ({ id, name: id })),
  );
  await insert(
    'projects',
    world.projects.map(({ id, domainId, parentId }) => ({ id, name: id, domain_id: domainId, parent_id: parentId })),
  );
  await insert(
    'users',
    world.users.map((id) => ({ id, name: id, domain_id: 'd0' })),
  );
  await insert(
    'groups',
    world.groups.map(({ id }) => ({ id, name: id, domain_id: 'd0' })),
  );
  await insert(
    'group_members',
    world.groups.flatMap(({ id, members }) => [...members].map((user_id) => ({ group_id: id, user_id }))),
  );
  await insert(
    'roles',
    world.roles.map(({ id, domainId }) => ({ id, name: id, domain_id: domainId })),
  );
  await insert(
    'role_implications',
    world.implications.map(([prior_role_id, implied_role_id]) => ({ prior_role_id, implied_role_id })),
  );
  await insert(
    'role_assignments',
    world.grants.map(({ actor, target, roleId, isInherited }) => ({
      user_id: 'userId' in actor ? actor.userId : null,
      group_id: 'groupId' in actor ? actor.groupId : null,
      project_id: target !== 'system' && 'projectId' in target ? target.projectId : null,
      domain_id: target !== 'system' && 'domainId' in target ? target.domainId : null,
      system: target === 'system',
      role_id: roleId,
      inherited: isInherited,
    })),
  );
}

/** A scope as a login asks for it. */
export const asked = (scope: Target) => {
  if (scope === 'system') return { type: 'system' as const };
  return 'projectId' in scope
    ? { type: 'project' as const, id: scope.projectId }
    : { type: 'domain' as const, id: scope.domainId };
};
