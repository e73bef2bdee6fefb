import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { type Client, startTestCloud } from '../../tests/cloud.ts';
import { somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';
const url = 'http://cloud.test/identity/v3';
const absent = 'f'.repeat(32);

/** A project with one below it, a user, and a group that the user is in; the ids of all, in a cloud where little else is. */
async function setUp(t: ExecutionContext) {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const make = async (kind: string, body: object): Promise<string> =>
    (await admin.post(`${v3}/${kind}s`, { [kind]: body }))[kind].id;
  const top = await make('project', { name: 'top' });
  const below = await make('project', { name: 'below', parent_id: top });
  const user = await make('user', { name: 'ann' });
  const group = await make('group', { name: 'crew' });
  await admin.put(`${v3}/groups/${group}/users/${user}`, undefined, 204);
  const rows = await cloud.db('roles').select('id', 'name');
  const roles: Record<string, string> = Object.fromEntries(rows.map(({ id, name }) => [name, id]));
  const give = (path: string) => admin.put(`${v3}/${path}`, undefined, 204);
  return { cloud, admin, make, give, top, below, user, group, roles };
}

// biome-ignore lint/suspicious/noExplicitAny: the JSON of an answer
const list = async (client: Pick<Client, 'get'>, query: string): Promise<any[]> =>
  (await client.get(`${v3}/role_assignments?${query}`)).role_assignments;

/** In an order that does not hang on ids. */
const sorted = <T>(items: T[]) => items.toSorted((a, b) => (inWords(a) < inWords(b) ? -1 : 1));
const inWords = (item: unknown) => inspect(item, { sorted: true, depth: null });

test('assignments are listed as they were given, by everything they are about', async (t) => {
  const { admin, give, top, below, user, group, roles } = await setUp(t);
  await give(`projects/${top}/users/${user}/roles/${roles.member}`);
  await give(`domains/default/groups/${group}/roles/${roles.reader}`);
  await give(`system/users/${user}/roles/${roles.reader}`);
  await give(`OS-INHERIT/projects/${top}/groups/${group}/roles/${roles.manager}/inherited_to_projects`);
  const onTop = {
    role: { id: roles.member },
    scope: { project: { id: top } },
    user: { id: user },
    links: { assignment: `${url}/projects/${top}/users/${user}/roles/${roles.member}` },
  };
  const onDomain = {
    role: { id: roles.reader },
    scope: { domain: { id: 'default' } },
    group: { id: group },
    links: { assignment: `${url}/domains/default/groups/${group}/roles/${roles.reader}` },
  };
  const onSystem = {
    role: { id: roles.reader },
    scope: { system: { all: true } },
    user: { id: user },
    links: { assignment: `${url}/system/users/${user}/roles/${roles.reader}` },
  };
  const inherited = {
    role: { id: roles.manager },
    scope: { project: { id: top }, 'OS-INHERIT:inherited_to': 'projects' },
    group: { id: group },
    links: {
      assignment: `${url}/OS-INHERIT/projects/${top}/groups/${group}/roles/${roles.manager}/inherited_to_projects`,
    },
  };
  const expecting = async (query: string, expected: object[]) =>
    t.deepEqual(sorted(await list(admin, query)), sorted(expected), query);
  await expecting(`user.id=${user}`, [onTop, onSystem]);
  await expecting(`group.id=${group}`, [onDomain, inherited]);
  await expecting(`scope.project.id=${top}`, [onTop, inherited]);
  await expecting(`scope.project.id=${below}`, []);
  await expecting(`scope.domain.id=default`, [onDomain]);
  await expecting(`scope.system=all&user.id=${user}`, [onSystem]);
  await expecting(`scope.OS-INHERIT:inherited_to=projects`, [inherited]);
  await expecting(`scope.OS-INHERIT%3Ainherited_to=projects&scope.domain.id=default`, []);
  await expecting(`scope.project.id=${top}&scope.OS-INHERIT:inherited_to=none`, [onTop]);
  await expecting(`role.id=${roles.reader}&user.id=${user}`, [onSystem]);
  await expecting(`scope.project.id=${top}&include_subtree`, [onTop, inherited]);
  await expecting(`user.id=${absent}`, []);
  await expecting(`group.id=${absent}`, []);
  await expecting(`scope.project.id=${absent}`, []);
  await expecting(`role.id=${encodeURIComponent("' or true --")}`, []);
});

test('effective assignments are what tokens are made from, and each says where it is from', async (t) => {
  const { admin, give, top, below, user, group, roles } = await setUp(t);
  await give(`OS-INHERIT/projects/${top}/groups/${group}/roles/${roles.manager}/inherited_to_projects`);
  await give(`OS-INHERIT/domains/default/users/${user}/roles/${roles.service}/inherited_to_projects`);
  const scope = { project: { id: below }, 'OS-INHERIT:inherited_to': 'projects' };
  const given = `${url}/OS-INHERIT/projects/${top}/groups/${group}/roles/${roles.manager}/inherited_to_projects`;
  const membership = `${url}/groups/${group}/users/${user}`;
  const implied = (prior: string, role: string) => ({
    role: { id: roles[role] },
    scope,
    user: { id: user },
    links: { assignment: given, membership, prior_role: `${url}/roles/${roles[prior]}/implies/${roles[role]}` },
  });
  const service = {
    role: { id: roles.service },
    scope,
    user: { id: user },
    links: {
      assignment: `${url}/OS-INHERIT/domains/default/users/${user}/roles/${roles.service}/inherited_to_projects`,
    },
  };
  const all = [
    { role: { id: roles.manager }, scope, user: { id: user }, links: { assignment: given, membership } },
    implied('manager', 'member'),
    implied('member', 'reader'),
    service,
  ];
  t.deepEqual(sorted(await list(admin, `effective&user.id=${user}&scope.project.id=${below}`)), sorted(all));
  t.deepEqual(await list(admin, `effective&role.id=${roles.service}&scope.project.id=${below}`), [service]);
  t.deepEqual(
    (await list(admin, `effective=True&user.id=${user}&scope.project.id=${top}`)).map((one) => one.role.id),
    [roles.service],
  );
  t.is((await list(admin, `effective&scope.project.id=${top}&include_subtree=1&user.id=${user}`)).length, 5);
  t.deepEqual(await list(admin, `effective&user.id=${user}&scope.domain.id=default`), []);
  t.deepEqual(await list(admin, `effective=0&user.id=${user}&scope.project.id=${below}`), []);
  t.deepEqual(
    await list(admin, `effective&user.id=${user}&scope.project.id=${below}&scope.OS-INHERIT:inherited_to=no`),
    [],
  );
  await admin.delete(`${v3}/groups/${group}/users/${user}`);
  t.deepEqual(await list(admin, `effective&user.id=${user}&scope.project.id=${below}`), [service]);
});

test('a domain’s own roles are given, and what they imply is effective', async (t) => {
  const { admin, make, give, top, user, roles } = await setUp(t);
  const own = await make('role', { name: 'own', domain_id: 'default' });
  await give(`projects/${top}/users/${user}/roles/${own}`);
  const query = `user.id=${user}&scope.project.id=${top}&include_names`;
  t.deepEqual(
    (await list(admin, query)).map((one) => one.role),
    [{ id: own, name: 'own', domain: { id: 'default', name: 'Default' } }],
  );
  t.deepEqual(await list(admin, `effective&${query}`), []);
  await admin.put(`${v3}/roles/${own}/implies/${roles.reader}`, undefined, 201);
  t.deepEqual(
    (await list(admin, `effective&${query}`)).map((one) => one.role),
    [{ id: roles.reader, name: 'reader' }],
  );
});

test('names come along when they are asked for', async (t) => {
  const { admin, give, top, user, group, roles } = await setUp(t);
  await give(`projects/${top}/users/${user}/roles/${roles.reader}`);
  await give(`domains/default/groups/${group}/roles/${roles.reader}`);
  await give(`system/groups/${group}/roles/${roles.reader}`);
  const domain = { id: 'default', name: 'Default' };
  const [ann] = await list(admin, `user.id=${user}&include_names=True`);
  t.deepEqual(ann.user, { id: user, name: 'ann', domain });
  t.deepEqual(ann.scope, { project: { id: top, name: 'top', domain } });
  t.deepEqual(ann.role, { id: roles.reader, name: 'reader' });
  const crews = await list(admin, `group.id=${group}&include_names`);
  for (const one of crews) t.deepEqual(one.group, { id: group, name: 'crew', domain });
  t.deepEqual(sorted(crews.map((one) => one.scope)), sorted([{ domain }, { system: { all: true } }]));
  t.deepEqual(
    sorted(await list(admin, `effective&user.id=${user}&include_names`)).map((one) => Object.keys(one.user)),
    Array.from({ length: 3 }, () => ['id', 'name', 'domain']),
  );
});

test('a list comes in pages that its links lead through, and whole to who asks for no page', async (t) => {
  const { admin } = await setUp(t);
  const whole = await admin.get(`${v3}/role_assignments?effective&include_names`);
  t.is(whole.links.next, null);
  t.true(whole.role_assignments.length > 5);
  t.false(whole.role_assignments.some((one: object) => 'id' in one));
  const paged: unknown[] = [];
  for (let next: string | null = '?effective&include_names&limit=3'; next !== null; ) {
    const page: { role_assignments: unknown[]; links: { next: string | null } } = await admin.get(
      `${v3}/role_assignments${next}`,
    );
    t.true(page.role_assignments.length <= 3);
    paged.push(...page.role_assignments);
    next = page.links.next?.replace(`${url}/role_assignments`, '') ?? null;
  }
  t.deepEqual(paged, whole.role_assignments);
});

test('filters that no assignment can fit are refused', async (t) => {
  const { admin, top, user, group } = await setUp(t);
  for (const query of [
    `user.id=${user}&group.id=${group}`,
    `scope.project.id=${top}&scope.domain.id=default`,
    `scope.project.id=${top}&scope.system=all`,
    `scope.domain.id=default&scope.system=all`,
    `effective&group.id=${group}`,
    `effective&scope.domain.id=default&scope.OS-INHERIT:inherited_to=projects`,
    'include_subtree',
    'include_subtree&scope.domain.id=default',
    'user.id=%00',
    'limit=x',
    'limit=1&marker=%00',
  ])
    await admin.get(`${v3}/role_assignments?${query}`, 400);
  await admin.get(`${v3}/role_assignments?include_subtree&scope.project.id=${absent}`, 404);
});

test('readers of a domain see what is on it and its projects, and nothing of others', async (t) => {
  const { cloud, make, give, top, user, roles } = await setUp(t);
  const other = await make('domain', { name: 'other' });
  const foreign = await make('project', { name: 'foreign', domain_id: other });
  await give(`projects/${foreign}/users/${user}/roles/${roles.reader}`);
  await give(`OS-INHERIT/domains/${other}/users/${user}/roles/${roles.reader}/inherited_to_projects`);
  await give(`projects/${top}/users/${user}/roles/${roles.reader}`);
  await give(`domains/default/users/${user}/roles/${roles.reader}`);
  await give(`system/users/${user}/roles/${roles.reader}`);
  const reader = await somebody(t, cloud, { role: 'reader', on: { domain: 'default' } });
  const seen = async (query: string) => (await reader.get(`/role_assignments?${query}`)).role_assignments;
  t.deepEqual(
    sorted((await seen(`user.id=${user}`)).map((one: { scope: object }) => one.scope)),
    sorted([{ project: { id: top } }, { domain: { id: 'default' } }]),
  );
  t.is((await seen(`effective&user.id=${user}`)).length, 2);
  for (const project of [foreign, absent]) {
    t.deepEqual(await seen(`scope.project.id=${project}`), []);
    t.deepEqual(await seen(`effective&scope.project.id=${project}`), []);
    await reader.get(`/role_assignments?scope.project.id=${project}&include_subtree`, 403);
  }
  t.deepEqual(await seen('scope.system=all'), []);
  t.is((await seen(`scope.project.id=${top}&include_subtree`)).length, 1);
  const auditor = await somebody(t, cloud, { role: 'reader', on: 'system' });
  t.is((await auditor.get(`/role_assignments?user.id=${user}`)).role_assignments.length, 5);
  await auditor.get(`/role_assignments?scope.project.id=${foreign}&include_subtree`);
  for (const persona of ['member', 'reader', 'nobody'] as const)
    for (const query of ['', `?user.id=${cloud.as(persona).userId}`, `?scope.project.id=${top}&include_subtree`])
      await cloud.as(persona).get(`${v3}/role_assignments${query}`, 403);
});

test('everything that somebody could have a token for is offered to them, and nothing else', async (t) => {
  const { cloud, admin, make, give, top, below, group, roles } = await setUp(t);
  const member = cloud.as('member');
  const names = async (what: string) =>
    (await member.get(`${v3}/auth/${what}`))[what].map((one: { name: string }) => one.name).toSorted();
  t.deepEqual(await names('projects'), ['p1']);
  t.deepEqual(await names('domains'), []);
  const system = async () => (await member.get(`${v3}/auth/system`)).system;
  t.deepEqual(await system(), []);

  // By a group; what is given to it ends no token.
  await cloud.db('group_members').insert({ group_id: group, user_id: member.userId });
  await give(`OS-INHERIT/projects/${top}/groups/${group}/roles/${roles.reader}/inherited_to_projects`);
  await give(`domains/default/groups/${group}/roles/${roles.reader}`);
  await give(`system/groups/${group}/roles/${roles.reader}`);
  t.deepEqual(await names('projects'), ['below', 'p1']);
  t.deepEqual(await names('domains'), ['Default']);
  t.deepEqual(await system(), [{ all: true }]);
  const mine = await member.get(`${v3}/users/${member.userId}/projects`);
  t.deepEqual(
    mine.projects.map((one: { name: string }) => one.name),
    ['below', 'p1'],
  );
  await admin.patch(`${v3}/projects/${below}`, { project: { enabled: false } });
  t.deepEqual(await names('projects'), ['p1']);

  // In a disabled domain there is nothing to have.
  const other = await make('domain', { name: 'other' });
  const foreign = await make('project', { name: 'foreign', domain_id: other });
  await give(`projects/${foreign}/users/${member.userId}/roles/${roles.reader}`);
  t.deepEqual(await names('projects'), ['foreign', 'p1']);
  await admin.patch(`${v3}/domains/${other}`, { domain: { enabled: false } });
  t.deepEqual(await names('projects'), ['p1']);

  // A domain's own role that implies nothing makes no token.
  const own = await make('role', { name: 'own', domain_id: 'default' });
  await give(`projects/${top}/users/${member.userId}/roles/${own}`);
  t.deepEqual(await names('projects'), ['p1']);
});
