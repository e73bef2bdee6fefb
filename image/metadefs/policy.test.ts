/** What an operator's policy file makes of the rules of metadata definitions. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

const namespaces = '/image/v2/metadefs/namespaces';

async function cloudWith(t: ExecutionContext, overrides: Record<string, string>) {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-metadefs-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const policyFile = join(directory, 'policy.json');
  await writeFile(policyFile, JSON.stringify(overrides));
  return await startTestCloud(t, { policyFile });
}

test('members whom an operator lets write do so in their own project’s namespaces', async (t) => {
  const cloud = await cloudWith(t, { metadef_admin: 'role:member' });
  const [member, stranger, admin] = [cloud.as('member'), cloud.as('stranger'), cloud.as('admin')];
  const made = await member.post(namespaces, { namespace: 'mine', visibility: 'public', tags: [{ name: 'a' }] });
  t.is(made.owner, member.projectId);
  await member.post(`${namespaces}/mine/objects`, { name: 'object' });
  await cloud.as('reader').post(`${namespaces}/mine/objects`, { name: 'other' }, 403);
  await stranger.get(`${namespaces}/mine`);
  await stranger.put(`${namespaces}/mine`, { namespace: 'mine', owner: stranger.projectId }, 403);
  await stranger.delete(`${namespaces}/mine`, 403);
  await stranger.post(`${namespaces}/mine/tags/b`, undefined, 403);
  await stranger.delete(`${namespaces}/mine/tags/a`, 403);
  await stranger.delete(`${namespaces}/mine/objects`, 403);
  await member.post(namespaces, { namespace: 'given', owner: stranger.projectId }, 403);
  await member.put(`${namespaces}/mine`, { namespace: 'mine', owner: stranger.projectId }, 403);
  await member.put(`${namespaces}/OS::Compute::Quota`, { namespace: 'OS::Compute::Quota' }, 403);
  await member.put(`${namespaces}/mine`, { namespace: 'mine', visibility: 'private' });
  await stranger.delete(`${namespaces}/mine`, 404);
  await stranger.post(`${namespaces}/mine/tags/b`, undefined, 404);
  t.is((await admin.get(`${namespaces}/mine`)).tags.length, 1);
  await member.delete(`${namespaces}/mine`);
});

test('what is in a namespace needs its own rights, also when it comes or goes with the namespace', async (t) => {
  const cloud = await cloudWith(t, {
    add_metadef_object: '!',
    add_metadef_tag: '!',
    add_metadef_property: '!',
    add_metadef_resource_type_association: '!',
    delete_metadef_namespace: '!',
  });
  const admin = cloud.as('admin');
  const contents = {
    objects: [{ name: 'a' }],
    tags: [{ name: 'a' }],
    properties: { a: { type: 'string', title: 'A' } },
    resource_type_associations: [{ name: 'OS::Nova::Server' }],
  };
  for (const [kind, value] of Object.entries(contents))
    await admin.post(namespaces, { namespace: 'space', [kind]: value }, 403);
  await admin.post(namespaces, { namespace: 'space' });
  await admin.post(`${namespaces}/space/tags`, { tags: contents.tags });
  for (const kind of ['objects', 'properties', 'tags']) await admin.delete(`${namespaces}/space/${kind}`, 403);
  await admin.delete(`${namespaces}/space/tags/a`);
});

for (const rule of ['list_metadef_resource_types', 'get_metadef_objects', 'get_metadef_properties', 'get_metadef_tags'])
  test(`a namespace is shown whole or not: ${rule} is needed for it`, async (t) => {
    const cloud = await cloudWith(t, { [rule]: '!' });
    const admin = cloud.as('admin');
    await admin.get(`${namespaces}/OS::Compute::Quota`, 403);
    await admin.get(`${namespaces}/nowhere`, 404);
    await admin.get(namespaces, rule === 'list_metadef_resource_types' ? 403 : 200);
    t.pass();
  });
