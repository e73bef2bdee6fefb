/** The `glance` client's commands for metadata definitions: Debian 12's `openstack` has none. It comes with the latter. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startClientCloud } from '../conformance/cloud.ts';
import { row, startGlance } from './glance.ts';

test('namespaces are made, shown, listed, changed, read in and deleted', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const { admin, member } = startGlance(t, cloud.url);
  const home = await mkdtemp(join(tmpdir(), 'cirrostack-metadefs-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  t.regex(await member('md-namespace-list', []), /^\| OS::Compute::CPUPinning +\|$/m);
  const pinning = await member('md-namespace-show', ['OS::Compute::CPUPinning', '--resource-type', 'OS::Nova::Flavor']);
  t.regex(pinning, /hw:cpu_policy/);
  t.regex(await member('md-resource-type-list', []), /^\| OS::Glance::Image +\|$/m);
  const made = await admin('md-namespace-create', [
    ...['Mine', '--display-name', 'My own', '--description', 'Words', '--visibility', 'public', '--protected', 'True'],
  ]);
  t.regex(made, row('display_name', 'My own'));
  await t.throwsAsync(admin('md-namespace-delete', ['Mine']), { message: /protected/ });
  await t.throwsAsync(member('md-namespace-create', ['Theirs']), { message: /add_metadef_namespace/ });
  const changed = await admin('md-namespace-update', ['Mine', '--protected', 'False', '--display-name', 'Other']);
  t.regex(changed, row('display_name', 'Other'));
  t.regex(changed, row('protected', 'False'));
  const file = join(home, 'namespace.json');
  await writeFile(
    file,
    JSON.stringify({
      namespace: 'Read',
      visibility: 'private',
      properties: { colour: { title: 'Colour', type: 'string', enum: ['red'] } },
      objects: [{ name: 'Shape', properties: { width: { title: 'Width', type: 'integer' } } }],
      tags: [{ name: 'new' }],
      resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'my_' }],
    }),
  );
  t.regex(await admin('md-namespace-import', ['--file', file]), /colour/);
  t.regex(await admin('md-namespace-list', ['--visibility', 'private', '--page-size', '1']), /^\| Read +\|$/m);
  await t.throwsAsync(member('md-namespace-show', ['Read']), { message: /Read could not be found/ });
  for (const part of ['objects', 'properties', 'tags']) await admin(`md-namespace-${part}-delete`, ['Read']);
  t.notRegex(await admin('md-namespace-show', ['Read']), /colour|Shape/);
  for (const name of ['Mine', 'Read']) await admin('md-namespace-delete', [name]);
  t.deepEqual(cloud.errors(), []);
});

test('objects, properties, tags and resource types of a namespace are made, shown, listed, changed and deleted', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const { admin } = startGlance(t, cloud.url);
  await admin('md-namespace-create', ['Mine']);

  const shape = { description: 'How it looks', properties: { width: { type: 'integer', title: 'Width', minimum: 1 } } };
  const named = (name: string) => ['--name', name];
  await admin('md-object-create', ['Mine', ...named('Shape'), '--schema', JSON.stringify(shape)]);
  t.regex(await admin('md-object-show', ['Mine', 'Shape']), row('description', 'How it looks'));
  t.regex(await admin('md-object-property-show', ['Mine', 'Shape', 'width']), row('title', 'Width'));
  await admin('md-object-update', ['Mine', 'Shape', ...named('Form')]);
  t.regex(await admin('md-object-list', ['Mine']), row('Form', 'How it looks'));
  await admin('md-object-delete', ['Mine', 'Form']);

  const colour = { type: 'string', enum: ['red'], default: 'red' };
  const title = (text: string) => ['--title', text];
  await admin('md-property-create', [
    'Mine',
    ...named('colour'),
    ...title('Colour'),
    '--schema',
    JSON.stringify(colour),
  ]);
  t.regex(await admin('md-property-show', ['Mine', 'colour']), row('default', 'red'));
  await admin('md-property-update', ['Mine', 'colour', ...title('Hue')]);
  t.regex(await admin('md-property-list', ['Mine']), row('colour', 'Hue +\\| string'));
  await admin('md-property-delete', ['Mine', 'colour']);

  await admin('md-tag-create', ['Mine', ...named('one')]);
  t.regex(await admin('md-tag-show', ['Mine', 'one']), row('name', 'one'));
  await admin('md-tag-update', ['Mine', 'one', ...named('first')]);
  // Its --append never sends anything: it fails over the header that it makes of it.
  await admin('md-tag-create-multiple', ['Mine', '--names', 'three,four']);
  const listed = await admin('md-tag-list', ['Mine']);
  for (const tag of ['three', 'four']) t.regex(listed, new RegExp(`^\\| ${tag} +\\|$`, 'm'));
  t.notRegex(listed, /first/);
  await admin('md-tag-delete', ['Mine', 'four']);

  await admin('md-resource-type-associate', ['Mine', ...named('OS::Nova::Server'), '--prefix', 'my_']);
  t.regex(await admin('md-namespace-resource-type-list', ['Mine']), row('OS::Nova::Server', 'my_ +\\|.*'));
  await admin('md-resource-type-deassociate', ['Mine', 'OS::Nova::Server']);
  t.deepEqual(cloud.errors(), []);
});
