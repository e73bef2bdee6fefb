/** What SQL makes of assignments, held against a slow model that follows every one by itself. */
import test from 'ava';
import { openDatabase } from '../../common/database/database.ts';
import { createTestDatabase } from '../../tests/database.ts';
import { identityMigrations } from '../plugin.ts';
import { readAccess } from '../tokens/access.ts';
import type { Actor, Grant, Target } from './assignment.ts';
import { type ListedAssignment, listAssignments } from './listing.ts';
import { domainsOpenTo, hasSystemRole, projectsOpenTo } from './open-scopes.ts';

interface World {
  projects: { id: string; domainId: string; parentId: string | null }[];
  users: string[];
  groups: { id: string; members: Set<string> }[];
  roles: { id: string; domainId: string | null }[];
  implications: [prior: string, implied: string][];
  grants: Grant[];
}

const domains = ['d0', 'd1'];

/** The same sequence for the same seed (mulberry32), so that a failure can be had again. */
function randomFrom(seed: number) {
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
type Random = ReturnType<typeof randomFrom>;

function makeWorld(random: Random): World {
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
function rolesInModel(world: World, userId: string, scope: Target, groupIds: string[] = []): string[] {
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

function scopesOf({ projects }: World): Target[] {
  return [
    ...projects.map(({ id }) => ({ projectId: id })),
    ...domains.map((domainId) => ({ domainId })),
    'system' as const,
  ];
}

const asked = (scope: Target) => {
  if (scope === 'system') return { type: 'system' as const };
  return 'projectId' in scope
    ? { type: 'project' as const, id: scope.projectId }
    : { type: 'domain' as const, id: scope.domainId };
};

type Database = ReturnType<typeof openDatabase>;

async function store(db: Database, world: World): Promise<void> {
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

const everything = { limit: 10_000, marker: undefined };
const who = (actor: Actor) => ('userId' in actor ? actor.userId : actor.groupId);
const brief = ({ actor, target, roleId }: ListedAssignment) => `${who(actor)} ${JSON.stringify(target)} ${roleId}`;
const distinct = (list: ListedAssignment[]) => [...new Set(list.map(brief))].sort();

test('what SQL says follows from assignments is what the model says, for tokens, lists and scopes', async (t) => {
  const db = openDatabase(await createTestDatabase(t, identityMigrations), { max: 2 });
  t.teardown(() => db.destroy());
  for (let seed = 1; seed <= 25; seed += 1) {
    const random = randomFrom(seed);
    const world = makeWorld(random);
    await store(db, world);
    const scopes = scopesOf(world);
    const expected: string[] = [];
    for (const userId of world.users) {
      // Some logins put their user in a group that the user is not in.
      const groupIds = random.chance(0.3) && world.groups.length > 0 ? [random.pick(world.groups).id] : [];
      const open = { projects: [] as string[], domains: [] as string[] };
      for (const scope of scopes) {
        const roles = rolesInModel(world, userId, scope);
        expected.push(...roles.map((roleId) => `${userId} ${JSON.stringify(scope)} ${roleId}`));
        const access = await readAccess(db, { userId, scope: asked(scope), groupIds });
        const withLogin = rolesInModel(world, userId, scope, groupIds);
        t.deepEqual(
          access?.roles.map(({ id }) => id).sort(),
          withLogin,
          `seed ${seed}: ${userId} on ${JSON.stringify(scope)}`,
        );
        if (scope !== 'system' && withLogin.length > 0)
          open['projectId' in scope ? 'projects' : 'domains'].push(
            'projectId' in scope ? scope.projectId : scope.domainId,
          );
        const filter = { effective: true, userId, target: scope };
        const { assignments } = await listAssignments(db, filter, everything);
        t.deepEqual([...new Set(assignments.map(({ roleId }) => roleId))].sort(), roles, `seed ${seed}: listed`);
      }
      const ids = async (table: string, open: ReturnType<typeof projectsOpenTo>) =>
        (await db(table).whereRaw('id in ?', [open]).pluck('id')).sort();
      const holder = { userId, groupIds };
      t.deepEqual(
        await ids('projects', projectsOpenTo(db, holder)),
        open.projects.sort(),
        `seed ${seed}: open projects`,
      );
      t.deepEqual(await ids('domains', domainsOpenTo(db, holder)), open.domains.sort(), `seed ${seed}: open domains`);
      t.is(
        await hasSystemRole(db, holder),
        rolesInModel(world, userId, 'system', groupIds).length > 0,
        `seed ${seed}: system`,
      );
    }
    const all = await listAssignments(db, { effective: true }, everything);
    t.deepEqual(distinct(all.assignments), expected.sort(), `seed ${seed}: all`);
    t.is(new Set(all.assignments.map(({ id }) => id)).size, all.assignments.length, 'each is listed once');

    // In pages, by role, and below a project.
    const paged: ListedAssignment[] = [];
    for (let marker: string | undefined; ; marker = paged.at(-1)?.id) {
      const page = await listAssignments(db, { effective: true }, { limit: 3, marker });
      paged.push(...page.assignments);
      if (!page.more) break;
    }
    t.deepEqual(paged, all.assignments, `seed ${seed}: pages`);
    const roleId = random.pick(world.roles).id;
    const byRole = await listAssignments(db, { effective: true, roleId }, everything);
    t.deepEqual(
      byRole.assignments,
      all.assignments.filter((one) => one.roleId === roleId),
      `seed ${seed}: by role`,
    );
    const top = random.pick(world.projects).id;
    const tree = new Set([top]);
    for (const id of tree) for (const { id: below, parentId } of world.projects) if (parentId === id) tree.add(below);
    const inTree = ({ target }: ListedAssignment) =>
      target !== 'system' && 'projectId' in target && tree.has(target.projectId);
    const below = { effective: true, target: { projectId: top }, withSubtree: true };
    t.deepEqual(
      (await listAssignments(db, below, everything)).assignments,
      all.assignments.filter(inTree),
      `seed ${seed}: tree`,
    );
    for (const inherited of [true, false]) {
      const { assignments } = await listAssignments(db, { effective: true, inherited }, everything);
      t.deepEqual(
        assignments,
        all.assignments.filter((one) => one.isInherited === inherited),
        `seed ${seed}: inherited`,
      );
    }
    const given = await listAssignments(db, { effective: false }, everything);
    t.is(given.assignments.length, world.grants.length);
  }
});
