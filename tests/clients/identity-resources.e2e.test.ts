/** The `openstack` client's commands for who there is and what they may do; on simulated hosts, as they are about the API. */
import test from 'ava';
import { startClientCloud } from '../conformance/cloud.ts';
import { startOpenstack } from './openstack.ts';

test('domains, projects, users and groups are made, shown, listed, changed and deleted', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);

  const domain = await os.run('domain create --description first lab');
  t.like(domain, { name: 'lab', description: 'first', enabled: true });
  await os.run('domain set --name laboratory --description second lab');
  t.like(await os.run('domain show laboratory'), { id: domain.id, description: 'second' });
  t.true((await os.run('domain list')).some(({ Name }: { Name: string }) => Name === 'laboratory'));
  const inDomain = '--domain laboratory';

  const one = await os.run(`project create ${inDomain} --tag red --tag blue --property colour=green one`);
  t.like(one, { domain_id: domain.id, parent_id: domain.id, enabled: true, is_domain: false });
  t.deepEqual(one.tags.toSorted(), ['blue', 'red']);
  const leaf = await os.run(`project create ${inDomain} --parent ${one.id} leaf`);
  t.is(leaf.parent_id, one.id);
  t.is((await os.run(`project show ${inDomain} --parents leaf`)).id, leaf.id);
  t.like(await os.run(`project show ${inDomain} --children one`), { id: one.id, subtree: { [leaf.id]: null } });
  t.deepEqual(names(await os.run(`project list ${inDomain} --tags red`)), ['one']);
  t.deepEqual(names(await os.run(`project list ${inDomain} --not-tags red`)), ['leaf']);
  t.deepEqual(names(await os.run(`project list --parent ${one.id} --long`)), ['leaf']);
  await os.run(`project set ${inDomain} --name first --description d --property colour=grey one`);
  await os.run(`project set ${inDomain} --remove-tag red first`);
  await os.run(`project set ${inDomain} --tag new first`);
  const changed = await os.run(`project show ${inDomain} first`);
  t.like(changed, { name: 'first', description: 'd', colour: 'grey' });
  t.deepEqual(changed.tags.toSorted(), ['blue', 'new']);

  const user = await os.run(
    `user create ${inDomain} --project first --project-domain laboratory --password secret-12 --email a@example.org`,
    '--description',
    'a user',
    ...'--ignore-lockout-failure-attempts --ignore-password-expiry --multi-factor-auth-rule password,totp'.split(' '),
    'somebody',
  );
  t.like(user, { name: 'somebody', email: 'a@example.org', description: 'a user', default_project_id: one.id });
  t.like(user.options, { ignore_lockout_failure_attempts: true, ignore_password_expiry: true });
  t.deepEqual(user.options.multi_factor_auth_rules, [['password', 'totp']]);
  await os.run(`user set ${inDomain} --name anybody --email b@example.org --no-ignore-password-expiry somebody`);
  const shown = await os.run(`user show ${inDomain} anybody`);
  t.like(shown, { id: user.id, email: 'b@example.org', enabled: true });
  t.is(shown.options.ignore_password_expiry, false);
  t.deepEqual(names(await os.run(`user list ${inDomain} --long`)), ['anybody']);

  const group = await os.run(`group create ${inDomain} --description g people`);
  t.like(group, { name: 'people', description: 'g', domain_id: domain.id });
  await os.run(`group set ${inDomain} --name crowd people`);
  await os.run('group add user --group-domain laboratory --user-domain laboratory crowd anybody');
  const contains = 'group contains user --group-domain laboratory --user-domain laboratory crowd anybody';
  t.regex((await os.attempt(contains)).stdout, /anybody in group crowd/);
  t.deepEqual(names(await os.run(`group list --user ${user.id}`)), ['crowd']);
  t.deepEqual(names(await os.run(`user list --group ${group.id}`)), ['anybody']);
  t.deepEqual(names(await os.run(`group list ${inDomain} --long`)), ['crowd']);
  await os.run('group remove user --group-domain laboratory --user-domain laboratory crowd anybody');
  t.regex((await os.attempt(contains)).stderr, /anybody not in group crowd/);
  t.is((await os.run(`group show ${inDomain} crowd`)).id, group.id);

  await os.run(`group delete ${inDomain} crowd`);
  await os.run(`user delete ${inDomain} anybody`);
  await os.run(`project delete ${leaf.id}`);
  await os.run(`project delete ${inDomain} first`);
  t.not((await os.attempt('domain delete laboratory')).code, 0, 'one that is enabled stays');
  await os.run('domain set --disable laboratory');
  await os.run('domain delete laboratory');
  t.not((await os.attempt('domain show laboratory')).code, 0);
  t.deepEqual(cloud.errors(), []);
});

test('roles are made, imply each other, and are given on projects, domains and the system', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const domain = await os.run('domain create lab');
  const one = await os.run('project create --domain lab one');
  const user = await os.run('user create --domain lab --password secret-12 somebody');
  const group = await os.run('group create --domain lab people');

  const operator = await os.run('role create --description o operator');
  t.like(operator, { name: 'operator', description: 'o', domain_id: null });
  await os.run('role set --name watcher operator');
  t.like(await os.run('role show watcher'), { id: operator.id });
  t.true(names(await os.run('role list')).includes('watcher'));
  const local = await os.run('role create --domain lab local');
  t.is(local.domain_id, domain.id);
  t.deepEqual(names(await os.run('role list --domain lab')), ['local']);
  t.is((await os.run('role show --domain lab local')).id, local.id);

  t.like(await os.run('implied role create --implied-role reader watcher'), { prior_role: operator.id });
  const implications = (await os.run('implied role list')) as Record<string, string>[];
  const pairs = implications.map((rule) => `${rule['Prior Role Name']} ${rule['Implied Role Name']}`);
  t.true(pairs.includes('watcher reader') && pairs.includes('admin manager'));

  const project = '--project one --project-domain lab';
  const somebody = '--user somebody --user-domain lab';
  const people = '--group people --group-domain lab';
  await os.run(`role add ${project} ${somebody} watcher`);
  await os.run(`role add ${project} ${people} member`);
  await os.run(`role add --domain lab ${somebody} watcher`);
  await os.run(`role add --domain lab ${people} --inherited reader`);
  await os.run(`role add --system all ${somebody} reader`);
  await os.run(`role add --system all ${people} watcher`);
  const assigned = async (command: string) =>
    ((await os.run(`role assignment list --names ${command}`)) as Record<string, string | boolean>[])
      .map(({ Role, User, Group, Project, Domain, System, Inherited }) =>
        [Role, User || Group, Project || Domain || System, Inherited ? 'inherited' : ''].join(' ').trim(),
      )
      .toSorted();
  t.deepEqual(await assigned(somebody), [
    'reader somebody@lab all',
    'watcher somebody@lab lab',
    'watcher somebody@lab one@lab',
  ]);
  t.deepEqual(await assigned(people), [
    'member people@lab one@lab',
    'reader people@lab lab inherited',
    'watcher people@lab all',
  ]);
  t.deepEqual(await assigned(`--role watcher ${project}`), ['watcher somebody@lab one@lab']);
  t.deepEqual(await assigned(`${project} ${somebody} --effective`), [
    'reader somebody@lab one@lab',
    'watcher somebody@lab one@lab',
  ]);
  await os.run('group add user --group-domain lab --user-domain lab people somebody');
  const all = ['member somebody@lab one@lab', 'reader somebody@lab one@lab', 'watcher somebody@lab one@lab'];
  const held = (await assigned(`${project} ${somebody} --effective`)).map((line) => line.replace(' inherited', ''));
  t.deepEqual([...new Set(held)], all, 'also through the group');
  t.deepEqual(names(await os.run(`project list --user ${user.id}`)), ['one']);
  t.deepEqual(names(await os.run(`user list --project ${one.id}`)), ['somebody']);

  const asSomebody = os.with({
    ...{ OS_USERNAME: 'somebody', OS_PASSWORD: 'secret-12', OS_USER_DOMAIN_ID: '', OS_USER_DOMAIN_NAME: 'lab' },
    ...{ OS_PROJECT_NAME: 'one', OS_PROJECT_DOMAIN_ID: '', OS_PROJECT_DOMAIN_NAME: 'lab' },
  });
  t.deepEqual(names(await asSomebody.run('project list --my-projects')), ['one']);
  const inDomain = asSomebody.with({ OS_PROJECT_NAME: '', OS_PROJECT_DOMAIN_NAME: '', OS_DOMAIN_NAME: 'lab' });
  t.is((await inDomain.run('token issue')).domain_id, domain.id);
  const onSystem = asSomebody.with({ OS_PROJECT_NAME: '', OS_PROJECT_DOMAIN_NAME: '', OS_SYSTEM_SCOPE: 'all' });
  t.is((await onSystem.run('token issue')).system, 'all');

  await os.run(`role remove ${project} ${somebody} watcher`);
  await os.run(`role remove ${project} ${people} member`);
  await os.run(`role remove --domain lab ${somebody} watcher`);
  await os.run(`role remove --domain lab ${people} --inherited reader`);
  await os.run(`role remove --system all ${somebody} reader`);
  await os.run(`role remove --system all ${people} watcher`);
  t.deepEqual(await assigned(somebody), []);
  t.deepEqual(await assigned(people), []);
  await os.run('implied role delete --implied-role reader watcher');
  await os.run(`role delete --domain lab ${local.name}`);
  await os.run('role delete watcher');
  await os.run(`group delete ${group.id}`);
  t.deepEqual(cloud.errors(), []);
});

test('tokens are issued and revoked, passwords set, and versions and the catalog shown', async (t) => {
  t.timeout(600_000);
  const cloud = await startClientCloud(t);
  const os = startOpenstack(t, cloud.url);
  const issued = await os.run('token issue');
  t.truthy(issued.id);
  const holder = os.with({
    ...{ OS_AUTH_TYPE: 'v3token', OS_TOKEN: issued.id, OS_USERNAME: '', OS_PASSWORD: '', OS_USER_DOMAIN_ID: '' },
  });
  t.truthy((await holder.run('token issue')).id);
  await os.run('token revoke', issued.id);
  t.not((await holder.attempt('token issue')).code, 0);

  await os.run('user create --password first-password somebody');
  await os.run('role add --project p1 --user somebody member');
  const somebody = os.with({ OS_USERNAME: 'somebody', OS_PASSWORD: 'first-password', OS_PROJECT_NAME: 'p1' });
  await somebody.run('user password set --original-password first-password --password second-password');
  t.not((await somebody.attempt('token issue')).code, 0);
  t.truthy((await somebody.with({ OS_PASSWORD: 'second-password' }).run('token issue')).id);
  await os.run('user set --password third-password somebody');
  t.truthy((await somebody.with({ OS_PASSWORD: 'third-password' }).run('token issue')).id);
  await os.run('user set --disable somebody');
  t.not((await somebody.with({ OS_PASSWORD: 'third-password' }).attempt('token issue')).code, 0);

  t.true(names(await os.run('catalog list')).includes('keystone'));
  t.is((await os.run('catalog show identity')).type, 'identity');
  const versions = (await os.run('versions show')) as Record<string, string>[];
  t.true(versions.some((version) => version['Service Type'] === 'identity' && version.Version === '3.14'));
  t.deepEqual(cloud.errors(), []);
});

function names(rows: Record<string, string>[]): string[] {
  return rows.map(({ Name }) => Name ?? '').toSorted();
}
