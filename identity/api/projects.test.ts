import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { somebody } from '../testing/somebody.ts';

const v3 = '/identity/v3';

/** Projects each below the one before, by their ids. */
async function branch(cloud: TestCloud, names: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) {
    const parent = ids.length > 0 ? { parent_id: ids.at(-1) } : {};
    ids.push((await cloud.as('admin').post(`${v3}/projects`, { project: { name, ...parent } })).project.id);
  }
  return ids;
}

test('projects stand below projects, five deep, and show what is above and below them', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const [a = '', b = '', c = '', d = '', e = ''] = await branch(cloud, ['a', 'b', 'c', 'd', 'e']);
  await admin.post(`${v3}/projects`, { project: { name: 'f', parent_id: e } }, 403);
  const show = async (id: string, query: string) => (await admin.get(`${v3}/projects/${id}?${query}`)).project;
  t.deepEqual((await show(c, 'parents_as_ids')).parents, { [b]: { [a]: { default: null } } });
  t.deepEqual((await show(c, 'subtree_as_ids=True')).subtree, { [d]: { [e]: null } });
  t.is((await show(e, 'subtree_as_ids')).subtree, null);
  t.deepEqual((await show(a, 'parents_as_ids')).parents, { default: null });
  t.false('parents' in (await show(c, 'parents_as_ids=0')));
  await admin.get(`${v3}/projects/${c}?parents_as_ids&parents_as_list`, 400);

  // As a list it is what the caller has a role on.
  t.deepEqual((await show(c, 'parents_as_list&subtree_as_list')).parents, []);
  const member = await somebody(t, cloud, { role: 'member', on: { project: c } });
  const { roles } = await admin.get(`${v3}/roles?name=reader`);
  for (const id of [b, e])
    await admin.put(`${v3}/projects/${id}/users/${member.userId}/roles/${roles[0].id}`, undefined, 204);
  const { project } = await member.get(`/projects/${c}?parents_as_list&subtree_as_list`);
  const idsOf = (list: { project: { id: string } }[]) => list.map((one) => one.project.id);
  t.deepEqual([idsOf(project.parents), idsOf(project.subtree)], [[b], [e]]);
});

test('a branch is disabled from its end and enabled from its beginning, and has no leaves taken from its middle', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const [top = '', leaf = ''] = await branch(cloud, ['top', 'leaf']);
  const enable = (id: string, enabled: boolean, status: number) =>
    admin.patch(`${v3}/projects/${id}`, { project: { enabled } }, status);
  await admin.delete(`${v3}/projects/${top}`, 403);
  await enable(top, false, 403);
  await enable(leaf, false, 200);
  await enable(top, false, 200);
  await enable(leaf, true, 403);
  await admin.post(`${v3}/projects`, { project: { name: 'other', parent_id: top } }, 400);
  await enable(top, true, 200);
  await enable(leaf, true, 200);
  for (const id of [leaf, top]) await admin.delete(`${v3}/projects/${id}`);
});

test('a project stays where it was made', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const [top = '', leaf = ''] = await branch(cloud, ['top', 'leaf']);
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'elsewhere' } });
  const at = `${v3}/projects/${leaf}`;
  await admin.patch(at, { project: { parent_id: top, domain_id: 'default', is_domain: false, id: leaf } });
  await admin.patch(at, { project: { parent_id: 'default' } }, 403);
  await admin.patch(at, { project: { domain_id: domain.id } }, 400);
  await admin.patch(at, { project: { is_domain: true } }, 400);
  await admin.patch(at, { project: { id: top } }, 400);
  await admin.post(`${v3}/projects`, { project: { name: 'x', domain_id: domain.id, parent_id: top } }, 400);
  const inParents = await admin.post(`${v3}/projects`, { project: { name: 'x', parent_id: domain.id } });
  t.is(inParents.project.domain_id, domain.id);
});

test('tags are told apart by case, listed, replaced and removed, and lists are narrowed by them', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const create = async (name: string, tags: string[]) =>
    (await admin.post(`${v3}/projects`, { project: { name, tags } })).project.id;
  const [red, both] = [await create('red', ['red']), await create('both', ['red', 'Blue'])];
  const tags = `${v3}/projects/${both}/tags`;
  t.deepEqual((await admin.get(tags)).tags, ['red', 'Blue']);
  await admin.get(`${tags}/Blue`, 204);
  for (const tag of ['blue', 'green']) await admin.get(`${tags}/${tag}`, 404);
  await admin.put(`${tags}/${encodeURIComponent('grün ☃')}`, {}, 201);
  await admin.put(`${tags}/red`, undefined, 201);
  t.deepEqual((await admin.get(tags)).tags, ['red', 'Blue', 'grün ☃']);
  await admin.delete(`${tags}/${encodeURIComponent('grün ☃')}`);
  await admin.delete(`${tags}/green`, 404);
  for (const bad of ['a%2Cb', 'a%2Fb', 'x'.repeat(256), '%20', '%00']) await admin.put(`${tags}/${bad}`, {}, 400);

  const found = async (query: string) =>
    (await admin.get(`${v3}/projects?${query}`)).projects
      .map((one: { id: string }) => one.id)
      .filter((id: string) => [red, both].includes(id));
  t.deepEqual(await found('tags=red'), [both, red]);
  t.deepEqual(await found('tags=red,Blue'), [both]);
  t.deepEqual(await found('tags-any=Blue,green'), [both]);
  t.deepEqual(await found('not-tags=red,Blue'), [red]);
  t.deepEqual(await found('not-tags-any=Blue'), [red]);
  t.deepEqual(await found('tags=red&not-tags-any=Blue'), [red]);

  const many = Array.from({ length: 81 }, (_, i) => `t${i}`);
  await admin.put(tags, { tags: many }, 400);
  t.is((await admin.put(tags, { tags: many.slice(1) }, 200)).tags.length, 80);
  await admin.put(`${tags}/another`, {}, 400);
  for (const bad of [['a', 'a'], ['a', ' a'], ['a,b'], ['']]) await admin.put(tags, { tags: bad }, 400);
  await admin.delete(tags);
  t.deepEqual((await admin.get(tags)).tags, []);

  const { options } = (await admin.patch(`${v3}/projects/${both}`, { project: { options: { immutable: true } } }))
    .project;
  t.deepEqual(options, { immutable: true });
  await admin.put(`${tags}/red`, {}, 403);
  await admin.put(tags, { tags: ['red'] }, 403);
  await admin.delete(`${v3}/projects/${both}`, 403);
});

test('attributes that nobody knows are kept with a project, up to a size', async (t) => {
  const admin = (await startTestCloud(t)).as('admin');
  const { project } = await admin.post(`${v3}/projects`, {
    project: { name: 'extra', cost_center: { code: [7, null, 'é'] }, links: 'mine', id: 'mine' },
  });
  t.deepEqual(project.cost_center, { code: [7, null, 'é'] });
  t.regex(project.id, /^[0-9a-f]{32}$/);
  const at = `${v3}/projects/${project.id}`;
  const { project: changed } = await admin.patch(at, { project: { more: 'x'.repeat(60_000) } });
  t.deepEqual(changed.cost_center, project.cost_center);
  await admin.patch(at, { project: { evenMore: 'x'.repeat(10_000) } }, 400);
  let deep: unknown = 1;
  for (let i = 0; i < 100; i += 1) deep = [deep];
  await admin.patch(at, { project: { deep } }, 400);
  t.deepEqual((await admin.get(at)).project, changed);
});

test('managers of a domain have its projects to themselves', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'theirs' } });
  const on = { domain: domain.id };
  const manager = await somebody(t, cloud, { role: 'manager', on, inDomain: domain.id });
  const reader = await somebody(t, cloud, { role: 'reader', on, inDomain: domain.id });
  const { project } = await manager.post('/projects', { project: { name: 'ours' } });
  t.is(project.domain_id, domain.id);
  const { project: child } = await manager.post('/projects', { project: { name: 'child', parent_id: project.id } });
  await manager.put(`/projects/${child.id}/tags/red`, {}, 201);
  for (const user of [manager, reader]) {
    t.deepEqual((await user.get('/projects?limit=1')).projects.length, 1);
    t.deepEqual(
      (await user.get('/projects')).projects.map((one: { name: string }) => one.name),
      ['child', 'ours'],
    );
    t.deepEqual((await user.get('/projects?domain_id=default')).projects, []);
    await user.get(`/projects/${child.id}`);
    await user.get(`/projects/${child.id}/tags/red`, 204);
  }
  await reader.post('/projects', { project: { name: 'x' } }, 403);
  await reader.delete(`/projects/${child.id}`, 403);
  // Of what is not theirs they do not learn whether it is there.
  const { projectId } = cloud.as('member');
  for (const id of [projectId, '0'.repeat(32)]) {
    for (const user of [manager, reader]) await user.get(`/projects/${id}`, 403);
    await manager.patch(`/projects/${id}`, { project: { name: 'x' } }, 403);
    await manager.delete(`/projects/${id}`, 403);
    await manager.put(`/projects/${id}/tags/red`, {}, 403);
    await manager.post('/projects', { project: { name: 'x', parent_id: id } }, 403);
    const { error } = await manager.post(
      '/projects',
      { project: { name: 'x', parent_id: id, domain_id: domain.id } },
      400,
    );
    t.is(error.message, `There is no project ${id} in domain ${domain.id} to be the parent.`);
  }
  await manager.post('/projects', { project: { name: 'x', domain_id: 'default' } }, 403);
  await manager.patch(`/projects/${child.id}`, { project: { name: 'renamed' } });
  for (const id of [child.id, project.id]) await manager.delete(`/projects/${id}`);
});

test('deleting a project ends its tokens and is nobody’s default any more', async (t) => {
  const cloud = await startTestCloud(t);
  const admin = cloud.as('admin');
  const [id = ''] = await branch(cloud, ['gone']);
  const member = await somebody(t, cloud, { role: 'member', on: { project: id } });
  await admin.patch(`${v3}/users/${member.userId}`, { user: { default_project_id: id } });
  await member.get(`/users/${member.userId}`);
  await admin.delete(`${v3}/projects/${id}`);
  await member.get(`/users/${member.userId}`, 401);
  t.is((await admin.get(`${v3}/users/${member.userId}`)).user.default_project_id, null);
});
