/** The `openstack` client's commands for Placement (python3-osc-placement). */
import test from 'ava';
import { startClientCloud } from '../conformance/cloud.ts';
import { startOpenstack } from './openstack.ts';

test('resource providers, their inventories and traits are shown and changed', async (t) => {
  t.timeout(180_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url).with({ OS_PLACEMENT_API_VERSION: '1.39' });
  const [provider] = await os.run('resource provider list');
  const id = provider.uuid;
  t.like(await os.run(`resource provider show ${id}`), { uuid: id, name: provider.name, generation: 0 });
  const inventories = await os.run(`resource provider inventory list ${id}`);
  t.deepEqual(
    inventories.map((one: { resource_class: string }) => one.resource_class),
    ['VCPU', 'MEMORY_MB', 'DISK_GB'],
  );
  await os.run(`resource provider inventory set --amend --resource VCPU:allocation_ratio=4.0 ${id}`);
  t.is((await os.run(`resource provider inventory show ${id} VCPU`)).allocation_ratio, 4);
  const usages = await os.run(`resource provider usage show ${id}`);
  t.deepEqual(
    usages.map((one: { usage: number }) => one.usage),
    [0, 0, 0],
  );
  t.is((await os.attempt('trait create CUSTOM_FAST')).code, 0); // they print nothing, and take no format
  await os.run(`resource provider trait set --trait CUSTOM_FAST ${id}`);
  const traits: { name: string }[] = await os.run(`resource provider trait list ${id}`);
  t.true(traits.some(({ name }) => name === 'CUSTOM_FAST'));
  const candidates = await os.run('allocation candidate list --resource VCPU=1 --required CUSTOM_FAST');
  t.is(candidates[0]['resource provider'], id);
  await os.run(`resource provider trait delete ${id}`);
  await os.run('trait delete CUSTOM_FAST');
  t.true((await os.run('trait list')).length > 0);
  t.is((await os.attempt('resource class create CUSTOM_LICENCE')).code, 0);
  const classes: { name: string }[] = await os.run('resource class list');
  t.true(['VCPU', 'CUSTOM_LICENCE'].every((wanted) => classes.some(({ name }) => name === wanted)));
  await os.run('resource class delete CUSTOM_LICENCE');
  await os.run(`resource provider aggregate list ${id}`);
  t.is((await os.attempt(`resource provider delete ${id}`)).code, 1, 'a host is no row that one deletes');
});
