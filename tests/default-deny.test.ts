/** Nothing is allowed that no rule allows: OSSA-2026-011 was a resource that came with a rule for everybody. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { rules } from '../cloud.ts';
import { type Route, route } from '../common/http/route.ts';
import { routeOf } from '../common/http/server.ts';
import type { Service } from '../common/http/service.ts';
import { type Client, startTestCloud, type TestCloud } from './cloud.ts';

async function policyFile(t: ExecutionContext, content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-deny-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'policy.json'), content);
  return join(directory, 'policy.json');
}

const everything = (check: string) => JSON.stringify(Object.fromEntries(rules.map(({ name }) => [name, check])));

function routesOf(cloud: TestCloud): { service: Service; route: Route }[] {
  return cloud.modules.flatMap(({ service }) => service.routes.map((one) => ({ service, route: one })));
}

function call(client: Client, { prefix }: Service, { method, path, bodyTypes }: Route) {
  const headers = { 'content-type': bodyTypes?.[0] ?? 'application/json' };
  return client.request({ method, path: prefix + path.replace(/\{[^}]+\}/g, randomUUID()), headers });
}

test('what the server answers is a route of some service, with a rule or a reason to have none', async (t) => {
  const cloud = await startTestCloud(t, { listenPort: 0 });
  await cloud.server.start();
  const names = new Set(rules.map(({ name }) => name));
  t.true(cloud.server.table().length >= routesOf(cloud).length, 'all of them are there once it listens');
  for (const { method, path, settings } of cloud.server.table()) {
    const mine = routeOf(settings);
    t.truthy(mine, `${method} ${path}`);
    const rule = mine?.rule ?? { anonymous: '' };
    if ('name' in rule) t.true(names.has(rule.name), `${method} ${path}`);
    else t.truthy(rule.anonymous, `${method} ${path}`);
  }
});

test('when every rule is closed, every route is, to administrators too', async (t) => {
  const cloud = await startTestCloud(t, { policyFile: await policyFile(t, everything('!')) });
  const admin = cloud.as('admin');
  for (const { service, route: one } of routesOf(cloud)) {
    if ('anonymous' in one.rule) continue;
    const { status, text } = await call(admin, service, one);
    const told = `${service.name} ${one.method} ${one.path}: ${status} ${text}`;
    // A route that looks up what it is about before it asks may hide that there is none.
    if (status === 404 && one.target) continue;
    t.is(status, 403, told);
    t.true(text.includes(one.rule.name), told);
  }
});

test('without a token every route that has a rule is closed', async (t) => {
  const cloud = await startTestCloud(t, { policyFile: await policyFile(t, everything('@')) });
  for (const { service, route: one } of routesOf(cloud)) {
    if ('anonymous' in one.rule) continue;
    t.is((await call(cloud.anonymous, service, one)).status, 401, `${service.name} ${one.method} ${one.path}`);
  }
});

test('a route without a rule is none', (t) => {
  const spec = { method: 'GET', path: '/', summary: 'Nothing', status: 200, handler: () => null } as const;
  // @ts-expect-error: the rule is missing
  t.truthy(route(spec));
});

test('a policy file that changes is in force while the cloud runs', async (t) => {
  const path = await policyFile(t, '{}');
  const cloud = await startTestCloud(t, { policyFile: path });
  const list = async () => (await cloud.as('member').request({ method: 'GET', path: '/network/v2.0/networks' })).status;
  t.is(await list(), 200);
  await writeFile(`${path}.new`, '{"get_network": "role:admin"}');
  await rename(`${path}.new`, path);
  const end = Date.now() + 60_000;
  while ((await list()) === 200 && Date.now() < end) await sleep(20);
  t.is(await list(), 403);
  await writeFile(path, '{"get_network": "role:ad');
  while (!cloud.logLines.some((line) => line.includes('policy file is not valid')) && Date.now() < end) await sleep(20);
  t.is(await list(), 403);
});
