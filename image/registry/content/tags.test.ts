import test from 'ava';
import { startRegistryCloud } from '../testing.ts';

test('immutable tags are neither moved nor removed, by the word of their project or repository', async (t) => {
  const cloud = await startRegistryCloud(t);
  const [admin, member, docker] = [cloud.as('admin'), cloud.as('member'), cloud.dockerAs('member')];
  const first = await docker.push('p1/app', 'v1');
  const { id } = (await member.get('/registry/v1/repositories')).repositories[0];
  const path = `/registry/v1/repositories/${id}`;
  const repository = { repository: { immutable_tags: true } };
  t.is((await member.request({ method: 'PATCH', path, body: repository })).status, 403, 'for managers');
  const { repository: kept } = await admin.patch(path, repository);
  t.like(kept, { immutable_tags: true, tags_are_immutable: true });

  t.is((await docker.pushManifest('p1/app', 'v1', first.manifest)).status, 201, 'the same again');
  const moved = await docker.push('p1/app', 'v1');
  t.is(moved.status, 403);
  t.regex(moved.text, /not moved/);
  for (const reference of ['v1', first.digest]) {
    const deleted = await docker.request('DELETE', `/v2/p1/app/manifests/${reference}`);
    t.is(deleted.status, 403, reference);
  }
  await member.delete(path, 409);
  t.is((await docker.push('p1/app', 'v2')).status, 201, 'a new tag');
  const races = await Promise.all(
    Array.from({ length: 4 }, () => docker.push('p1/app', 'v3').then(({ status }) => status)),
  );
  t.deepEqual(races.sort(), [201, 403, 403, 403], 'of those who push a new one at once');
  t.is((await docker.request('GET', '/v2/p1/app/manifests/v1')).text, first.manifest);

  // Without a word of its own it is as the project says, which is false here.
  await admin.patch(path, { repository: { immutable_tags: null } });
  t.is((await docker.push('p1/app', 'v1')).status, 201);
  const { projectId } = member;
  await cloud.db('registry_projects').insert({ project_id: projectId, immutable_tags: true });
  t.is((await member.get('/registry/v1/project')).project.immutable_tags, true);
  t.is((await docker.push('p1/app', 'v1')).status, 403);
  t.is((await member.get(path)).repository.tags_are_immutable, true);
});

test('tags are listed in their order and in pages, and deleted without their manifest', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  const { manifest, digest } = await docker.push('p1/app', 'b');
  for (const tag of ['c', 'A', 'a', '1.0']) await docker.pushManifest('p1/app', tag, manifest);
  const list = (query = '') => docker.request('GET', `/v2/p1/app/tags/list${query}`);
  t.deepEqual((await list()).body, { name: 'p1/app', tags: ['1.0', 'A', 'a', 'b', 'c'] });
  const page = await list('?n=2');
  t.deepEqual(page.body.tags, ['1.0', 'A']);
  t.is(page.headers.link, '</v2/p1/app/tags/list?n=2&last=A>; rel="next"');
  t.deepEqual((await list('?n=2&last=a')).body.tags, ['b', 'c']);
  t.deepEqual((await list('?n=0')).body.tags, []);
  t.is((await list('?n=many')).status, 400);
  t.is((await docker.request('DELETE', '/v2/p1/app/manifests/b')).status, 202);
  t.is((await docker.request('GET', '/v2/p1/app/manifests/b')).status, 404);
  t.is((await docker.request('GET', `/v2/p1/app/manifests/${digest}`)).status, 200);
  t.is((await docker.request('DELETE', `/v2/p1/app/manifests/${digest}`)).status, 202);
  t.deepEqual((await list()).body.tags, []);
  t.is((await docker.request('DELETE', `/v2/p1/app/manifests/${digest}`)).status, 404);
});
