/** What SQL makes of assignments, held against a slow model that follows every one by itself. */
import test from 'ava';
import { openDatabase } from '../../common/database/database.ts';
import { createTestDatabase } from '../../tests/database.ts';
import { originsOf } from '../explain/origins.ts';
import { identityMigrations } from '../plugin.ts';
import { readAccess } from '../tokens/access.ts';
import type { Actor } from './assignment.ts';
import { type ListedAssignment, listAssignments } from './listing.ts';
import { domainsOpenTo, hasSystemRole, projectsOpenTo } from './open-scopes.ts';
import { asked, makeWorld, randomFrom, rolesInModel, scopesOf, storeWorld } from './testing/world.ts';

const everything = { limit: 10_000, marker: undefined };
const who = (actor: Actor) => ('userId' in actor ? actor.userId : actor.groupId);
const brief = ({ actor, target, roleId }: ListedAssignment) => `${who(actor)} ${JSON.stringify(target)} ${roleId}`;
const distinct = (list: ListedAssignment[]) => [...new Set(list.map(brief))].sort();

test('what SQL says follows from assignments is what the model says, for tokens, lists and scopes', async (t) => {
  const db = openDatabase(await createTestDatabase(t, identityMigrations), { max: 2 });
  t.teardown(() => db.destroy());
  for (let seed = 1; seed <= 15; seed += 1) {
    const random = randomFrom(seed);
    const world = makeWorld(random);
    await storeWorld(db, world);
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
        const origins = await originsOf(db, userId, asked(scope));
        const explained = world.roles.filter(({ id, domainId }) => domainId === null && origins.has(id));
        t.deepEqual(explained.map(({ id }) => id).sort(), roles, `seed ${seed}: explained`);
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
