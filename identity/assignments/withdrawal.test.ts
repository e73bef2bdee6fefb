/** Whatever is taken away, no token that is still good carries more than what is left. */
import test from 'ava';
import { openDatabase } from '../../common/database/database.ts';
import { Conflict } from '../../common/errors.ts';
import { createTestDatabase } from '../../tests/database.ts';
import { deleteDomain } from '../domains/operations.ts';
import { identityMigrations } from '../plugin.ts';
import { changeRole, deleteRole, stopImplying } from '../roles/operations.ts';
import { readAccess } from '../tokens/access.ts';
import { revoke, watchRevocations } from '../tokens/revocations.ts';
import type { Token } from '../tokens/token.ts';
import { withdrawRole } from './operations.ts';
import { insertGrant } from './store.ts';
import {
  asked,
  makeWorld,
  type Random,
  randomFrom,
  rolesInModel,
  scopesOf,
  storeWorld,
  type World,
} from './testing/world.ts';

type Deps = Parameters<typeof withdrawRole>[0];

/** Takes something away from the world, and by the operation for it from the database. */
async function takeAway(deps: Deps, world: World, random: Random): Promise<string> {
  const choice = random.below(4);
  if (choice === 0 && world.implications.length > 0) {
    const rule = random.pick(world.implications);
    world.implications = world.implications.filter((one) => one !== rule);
    await stopImplying(deps, ...rule);
    return `${rule[0]} no longer implies ${rule[1]}`;
  }
  if (choice === 1 && world.roles.length > 1) {
    const { id } = random.pick(world.roles);
    world.roles = world.roles.filter((role) => role.id !== id);
    world.implications = world.implications.filter((rule) => !rule.includes(id));
    world.grants = world.grants.filter(({ roleId }) => roleId !== id);
    await deleteRole(deps, id);
    return `role ${id} is gone`;
  }
  if (world.grants.length === 0) return 'nothing was left';
  const grant = random.pick(world.grants);
  world.grants = world.grants.filter((one) => one !== grant);
  await withdrawRole(deps, grant);
  return `withdrawn: ${JSON.stringify(grant)}`;
}

test('what is taken away ends every token that carries it', async (t) => {
  const db = openDatabase(await createTestDatabase(t, identityMigrations), { max: 2 });
  t.teardown(() => db.destroy());
  const revocations = await watchRevocations(db, {
    subscribe: () => () => false,
    connected: () => true,
    stop: async () => undefined,
  });
  const deps = { db, revocations, tokenSeconds: 3600 } as Deps;
  for (let seed = 100; seed < 115; seed += 1) {
    const random = randomFrom(seed);
    const world = makeWorld(random);
    await storeWorld(db, world);
    const tokens: { token: Token; groupIds: string[] }[] = [];
    for (const userId of world.users)
      for (const scope of scopesOf(world)) {
        const groupIds = random.chance(0.3) && world.groups.length > 0 ? [random.pick(world.groups).id] : [];
        const access = await readAccess(db, { userId, scope: asked(scope), groupIds });
        if (access && access.roles.length > 0)
          tokens.push({ token: tokenOf(userId, scope, access, groupIds), groupIds });
      }
    for (let step = 0; step < 3; step += 1) {
      const what = await takeAway(deps, world, random);
      for (const { token, groupIds } of tokens) {
        if (await revocations.isRevoked(token)) continue;
        const scope = scopesOf(world).find((one) => JSON.stringify(asked(one)) === JSON.stringify(token.scope));
        const left = scope ? rolesInModel(world, token.userId, scope, groupIds) : [];
        const more = token.roles.filter((role) => !left.includes(role));
        t.deepEqual(more, [], `seed ${seed}, ${what}: ${token.userId} on ${JSON.stringify(token.scope)}`);
      }
    }
  }
});

test('a new name of a role ends the tokens that say the old one', async (t) => {
  const db = openDatabase(await createTestDatabase(t, identityMigrations), { max: 2 });
  t.teardown(() => db.destroy());
  const subscribe = () => () => false;
  const revocations = await watchRevocations(db, { subscribe, connected: () => true, stop: async () => undefined });
  const deps = { db, revocations, tokenSeconds: 3600 } as Deps;
  const scope = { projectId: 'p' };
  await storeWorld(db, {
    projects: [{ id: 'p', domainId: 'd0', parentId: null }],
    users: ['u', 'other'],
    groups: [],
    roles: [
      { id: 'high', domainId: null },
      { id: 'low', domainId: null },
      { id: 'third', domainId: null },
    ],
    implications: [['high', 'low']],
    grants: [
      { actor: { userId: 'u' }, target: scope, roleId: 'high', isInherited: false },
      { actor: { userId: 'other' }, target: scope, roleId: 'third', isInherited: false },
    ],
  });
  const tokenFor = async (userId: string) => {
    const access = await readAccess(db, { userId, scope: asked(scope) });
    return tokenOf(userId, scope, access as NonNullable<typeof access>, []);
  };
  const [theirs, others] = [await tokenFor('u'), await tokenFor('other')];
  await changeRole(deps, 'low', { description: 'the same name', name: 'low' });
  t.false(await revocations.isRevoked(theirs));
  await changeRole(deps, 'low', { name: 'lower' });
  t.true(await revocations.isRevoked(theirs));
  t.false(await revocations.isRevoked(others));
});

test('a domain that goes takes along what another domain’s roles had by its own', async (t) => {
  const db = openDatabase(await createTestDatabase(t, identityMigrations), { max: 2 });
  t.teardown(() => db.destroy());
  const subscribe = () => () => false;
  const revocations = await watchRevocations(db, { subscribe, connected: () => true, stop: async () => undefined });
  const scope = { projectId: 'p' };
  await storeWorld(db, {
    projects: [{ id: 'p', domainId: 'd0', parentId: null }],
    users: ['u'],
    groups: [],
    roles: [
      { id: 'ours', domainId: 'd0' },
      { id: 'theirs', domainId: 'd1' },
      { id: 'r', domainId: null },
    ],
    implications: [
      ['ours', 'theirs'],
      ['theirs', 'r'],
    ],
    grants: [{ actor: { userId: 'u' }, target: scope, roleId: 'ours', isInherited: false }],
  });
  const access = await readAccess(db, { userId: 'u', scope: asked(scope) });
  const token = tokenOf('u', scope, access as NonNullable<typeof access>, []);
  t.deepEqual(token.roles, ['r']);
  await db('domains').where({ id: 'd1' }).update({ enabled: false });
  await deleteDomain({ db, revocations, tokenSeconds: 3600 } as Deps, 'd1');
  t.true(await revocations.isRevoked(token));
});

test('nobody joins a group, or is given a role, while it is being found out whom taking it away concerns', async (t) => {
  const db = openDatabase(await createTestDatabase(t, identityMigrations), { max: 8 });
  t.teardown(() => db.destroy());
  const scope = { projectId: 'p' };
  const ofGroup = { actor: { groupId: 'g' }, target: scope, roleId: 'high', isInherited: false };
  await storeWorld(db, {
    projects: [{ id: 'p', domainId: 'd0', parentId: null }],
    users: ['u', 'late'],
    groups: [{ id: 'g', members: new Set(['u']) }],
    roles: [
      { id: 'high', domainId: null },
      { id: 'low', domainId: null },
    ],
    implications: [['high', 'low']],
    grants: [ofGroup],
  });
  const subscribe = () => () => false;
  const revocations = await watchRevocations(db, { subscribe, connected: () => true, stop: async () => undefined });
  const deps = { db, revocations, tokenSeconds: 3600 } as Deps;
  // The last step of a revocation waits for this one, so what came before it is done and not committed.
  const other = await db.transaction();
  await revoke(other, 'user:nobody', 60);
  const deleting = deleteRole(deps, 'low');
  await waitingFor(db, 1);
  const joining = db('group_members').insert({ group_id: 'g', user_id: 'late' });
  const granting = insertGrant(db, { actor: { userId: 'late' }, target: scope, roleId: 'high', isInherited: false });
  const both = Promise.all([joining, granting]);
  await waitingFor(db, 3);
  await other.commit();
  await deleting;
  await both;
  const access = await readAccess(db, { userId: 'late', scope: asked(scope) });
  t.deepEqual(
    access?.roles.map(({ id }) => id),
    ['high'],
  );
});

test('what is about something that is gone is not given', async (t) => {
  const db = openDatabase(await createTestDatabase(t, identityMigrations), { max: 2 });
  t.teardown(() => db.destroy());
  // As after a look that found everything: the role goes before the grant is written.
  const grant = { actor: { userId: 'gone' }, target: { projectId: 'gone' }, roleId: 'gone', isInherited: false };
  await t.throwsAsync(() => insertGrant(db, grant), { instanceOf: Conflict });
});

test('where very many are concerned, whole domains are named instead of each of them, and who gave trusts to others', async (t) => {
  const db = openDatabase(await createTestDatabase(t, identityMigrations), { max: 2 });
  t.teardown(() => db.destroy());
  const many = 2500;
  const users = Array.from({ length: many }, (_, i) => `u${i}`);
  const scope = { projectId: 'p' };
  await storeWorld(db, {
    projects: [{ id: 'p', domainId: 'd0', parentId: null }],
    users,
    groups: [{ id: 'g', members: new Set(users) }],
    roles: [{ id: 'r', domainId: null }],
    implications: [],
    grants: [{ actor: { groupId: 'g' }, target: scope, roleId: 'r', isInherited: false }],
  });
  const subscribe = () => () => false;
  const revocations = await watchRevocations(db, { subscribe, connected: () => true, stop: async () => undefined });
  await db('users').insert({ id: 'elsewhere', name: 'elsewhere', domain_id: 'd1' });
  await db('trusts').insert({
    id: 't',
    trustor_user_id: 'u7',
    trustee_user_id: 'elsewhere',
    project_id: 'p',
    impersonation: false,
    redelegation_count: 0,
  });
  const access = await readAccess(db, { userId: 'u7', scope: asked(scope) });
  const token = tokenOf('u7', scope, access as NonNullable<typeof access>, []);
  const grant = { actor: { groupId: 'g' }, target: scope, roleId: 'r', isInherited: false };
  await withdrawRole({ db, revocations, tokenSeconds: 3600 } as Deps, grant);
  t.true(await revocations.isRevoked(token));
  t.deepEqual(await db('token_revocations').orderBy('subject').pluck('subject'), ['domain:d0', 'group:g', 'user:u7']);
});

function tokenOf(
  userId: string,
  scope: Parameters<typeof asked>[0],
  access: NonNullable<Awaited<ReturnType<typeof readAccess>>>,
  groupIds: string[],
): Token {
  return {
    userId,
    userDomainId: access.user.domain.id,
    scope: asked(scope),
    roles: access.roles.map(({ name }) => name),
    methods: [],
    auditIds: [],
    epoch: access.epoch,
    issuedAtUs: access.nowUs,
    expiresAt: new Date(8.64e15),
    delegation: null,
    federation: { identityProviderId: 'i', protocolId: 'p', groupIds },
  };
}

/** Until so many statements wait for others in this database. */
async function waitingFor(db: Deps['db'], count: number): Promise<void> {
  for (;;) {
    const { rows } = await db.raw(
      `select count(*) as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (rows[0].n >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
