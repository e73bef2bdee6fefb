/** The `openstack` client's commands for what there is to reach, and how much of it anybody may have. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startClientCloud } from '../conformance/cloud.ts';
import { startOpenstack } from './openstack.ts';

test('regions, services, endpoints and who sees them are made, shown, listed, changed and deleted', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const cwd = await mkdtemp(join(tmpdir(), 'cirrostack-catalog-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));

  await os.run('region create --description north north');
  t.like(await os.run('region create --parent-region north north-1'), { region: 'north-1', parent_region: 'north' });
  await os.run('region set --description south north-1');
  t.like(await os.run('region show north-1'), { description: 'south' });
  t.deepEqual(
    (await os.run('region list --parent-region north')).map(({ Region }: { Region: string }) => Region),
    ['north-1'],
  );

  const service = await os.run('service create --name locker --description l object-lock');
  t.like(service, { name: 'locker', type: 'object-lock', description: 'l', enabled: true });
  await os.run('service set --description m locker');
  t.like(await os.run('service show locker'), { id: service.id, description: 'm' });
  const services = await os.run('service list --long');
  t.true(services.some(({ Type }: { Type: string }) => Type === 'object-lock'));
  t.true(services.some(({ Type }: { Type: string }) => Type === 'identity'));

  const url = 'http://locker.example.org/v1';
  const endpoint = await os.run('endpoint create --region north-1 locker public', url);
  t.like(endpoint, { interface: 'public', region: 'north-1', service_id: service.id, url, enabled: true });
  await os.run(`endpoint set --url ${url}/%(project_id)s ${endpoint.id}`);
  t.like(await os.run(`endpoint show ${endpoint.id}`), { url: `${url}/%(project_id)s` });
  t.is((await os.run('endpoint list --service locker --interface public')).length, 1);
  t.true(names(await os.run('catalog list')).includes('locker'));
  t.regex(
    (await os.attempt('catalog show object-lock -f value -c endpoints')).stdout,
    /locker\.example\.org\/v1\/[0-9a-f]{32}/,
  );
  await os.run(`endpoint set --disable ${endpoint.id}`);
  const { code, stdout } = await os.attempt('catalog show object-lock -f value -c endpoints');
  t.true(code !== 0 || !stdout.includes('locker.example.org'), 'a disabled endpoint is in no catalog');
  await os.run(`endpoint set --enable ${endpoint.id}`);

  const member = os.with({ OS_USERNAME: 'member', OS_PASSWORD: 'member-password', OS_PROJECT_NAME: 'p1' });
  await os.run(`endpoint add project ${endpoint.id} p1`);
  t.is((await os.run('endpoint list --project p1')).length, 1);
  t.deepEqual(
    names(await member.run('catalog list')),
    ['locker'],
    'a project with endpoints of its own sees no others',
  );
  await os.run(`endpoint remove project ${endpoint.id} p1`);
  t.true(names(await member.run('catalog list')).includes('nova'));

  const filters = join(cwd, 'filters.json');
  await writeFile(filters, JSON.stringify({ service_id: service.id }));
  const group = await os.run('endpoint group create --description g lockers', filters);
  await os.run(`endpoint group set --name boxes ${group.id}`);
  t.like(await os.run('endpoint group show boxes'), { id: group.id });
  await os.run('endpoint group add project boxes p1');
  t.is((await os.run('endpoint group list --project p1')).length, 1);
  await os.run('endpoint group remove project boxes p1');
  await os.run('endpoint group delete boxes');

  const blob = join(cwd, 'policy.json');
  await writeFile(blob, '{"a": "role:b"}');
  const policy = await os.run('policy create --type application/json', blob);
  t.is((await os.run(`policy show ${policy.id}`)).rules, '{"a": "role:b"}');
  await os.run(`policy set --type text/plain ${policy.id}`);
  t.is((await os.run('policy list --long')).length, 1);
  await os.run(`policy delete ${policy.id}`);

  await os.run(`endpoint delete ${endpoint.id}`);
  await os.run('service delete locker');
  await os.run('region delete north-1');
  await os.run('region delete north');
  t.deepEqual(cloud.errors(), []);
});

test('registered limits and limits are made, shown, listed, changed and deleted', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  await os.run('service create --name locker object-lock');
  const registered = await os.run('registered limit create --service locker --default-limit 10 --description d boxes');
  t.like(registered, { resource_name: 'boxes', default_limit: 10, description: 'd' });
  await os.run(`registered limit set --default-limit 20 ${registered.id}`);
  t.like(await os.run(`registered limit show ${registered.id}`), { default_limit: 20 });
  t.is((await os.run('registered limit list --service locker --resource-name boxes')).length, 1);
  const limit = await os.run('limit create --project p1 --service locker --resource-limit 15 boxes');
  t.like(limit, { resource_name: 'boxes', resource_limit: 15 });
  await os.run(`limit set --resource-limit 12 ${limit.id}`);
  t.like(await os.run(`limit show ${limit.id}`), { resource_limit: 12 });
  t.is((await os.run('limit list --project p1')).length, 1);
  t.not((await os.attempt(`registered limit delete ${registered.id}`)).code, 0, 'one that is used stays');
  await os.run(`limit delete ${limit.id}`);
  await os.run(`registered limit delete ${registered.id}`);
  t.deepEqual(cloud.errors(), []);
});

function names(rows: Record<string, string>[]): string[] {
  return rows.map(({ Name }) => Name ?? '').toSorted();
}
