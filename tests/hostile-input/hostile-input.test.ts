/** Every route of every service, asked by its rightful user with one place of the request spoiled. */
import test, { type ExecutionContext } from 'ava';
import { rules } from '../../cloud.ts';
import type { Service } from '../../common/http/service.ts';
import { createEnforcer } from '../../common/policy/enforcer.ts';
import { type Answer, startTestCloud, type TestCloud } from '../cloud.ts';
import { ask } from '../owner-matrix/answers.ts';
import { type Call, type Calls, keyOf } from '../owner-matrix/call.ts';
import { type Callers, makeCallers } from '../owner-matrix/callers.ts';
import { callsOf } from '../owner-matrix/calls.ts';
import { makeCommons, makeThings, type Things } from '../owner-matrix/things.ts';
import { leastDestructiveFirst, type Way, waysOf } from '../owner-matrix/ways.ts';
import { spoiledBodies, spoiledTexts } from './mutations.ts';

const refusals = new Set([400, 401, 403, 404, 405, 409, 411, 412, 413, 414, 415, 416, 429, 501]);

interface Ground {
  cloud: TestCloud;
  callers: Callers;
  things: Things;
  findings: string[];
  /** How often each status came: a test that is refused everything shows nothing. */
  statuses: Map<number, number>;
}

test('a request with anything wrong in it is refused in the service’s own words, and changes nothing', async (t) => {
  t.timeout(900_000); // against hanging; half a minute of work
  const cloud = await startTestCloud(t);
  const things = await makeThings(cloud, 'member', await makeCommons(cloud));
  const callers = await makeCallers(cloud);
  const ground: Ground = { cloud, callers, things, findings: [], statuses: new Map() };
  const enforcer = createEnforcer(rules);
  for (const { service } of cloud.modules.toReversed()) {
    const calls: Calls = callsOf[service.name] ?? {};
    const ways = leastDestructiveFirst(await waysOf(service, calls, things, callers, enforcer));
    for (const way of ways) await spoil(ground, service, way);
  }
  for (const finding of ground.findings) t.log(finding);
  t.is(ground.findings.length, 0, 'findings, told above');
  told(t, ground);
});

function told(t: ExecutionContext, { statuses }: Ground): void {
  t.log(
    [...statuses]
      .sort()
      .map(([status, count]) => `${status}: ${count}`)
      .join(', '),
  );
  t.true((statuses.get(400) ?? 0) > 500, 'most of what is spoiled is told so');
  t.true((statuses.get(404) ?? 0) > 100);
}

async function spoil(ground: Ground, service: Service, way: Way): Promise<void> {
  const call = way.make(ground.things);
  await ground.cloud.settle(); // what is under way is not the doing of what comes now
  const before = await everything(ground.cloud);
  let changedByRight = false;
  const attempt = async (what: string, spoiled: Call) => {
    const answer = await askSpoiled(ground, service, way, spoiled);
    ground.statuses.set(answer.status, (ground.statuses.get(answer.status) ?? 0) + 1);
    if (answer.status < 300) changedByRight = true;
    else judge(ground, `${service.name} ${keyOf(way.route)} with ${what}`, answer);
  };
  for (const { what, params } of spoiledTexts(call.params ?? {})) await attempt(what, { ...call, params });
  for (const { what, params } of spoiledTexts(call.query ?? {})) await attempt(what, { ...call, query: params });
  if (call.body !== undefined)
    for (const { what, body } of spoiledBodies(call.body)) await attempt(what, { ...call, body });
  if (changedByRight) return;
  const after = await everything(ground.cloud);
  const changed = Object.keys(after).filter((table) => after[table] !== before[table]);
  if (changed.length > 0)
    ground.findings.push(`${service.name} ${keyOf(way.route)}: refused everything, and changed ${changed.join(', ')}`);
}

async function askSpoiled({ cloud, callers }: Ground, service: Service, way: Way, call: Call): Promise<Answer> {
  // Ids in the path are put in as they are: they are encoded as far as they are meant to be.
  const path = way.route.path.replace(/\{([^}*]+)\*?\}/g, (_, name: string) => call.params?.[name] ?? '');
  const query = Object.entries(call.query ?? {}).map(([name, value]) => `${name}=${value}`);
  const { body, headers = {}, payload } = call;
  const asked = {
    method: way.route.method,
    path: `${service.prefix}${path}${query.length > 0 ? `?${query.join('&')}` : ''}`,
    body,
    headers,
    ...(payload && { payload }),
  };
  return ask(cloud, way.owner === callers.none ? callers.none : callers.admin, asked);
}

function judge({ findings }: Ground, what: string, { status, text, headers }: Answer): void {
  if (!refusals.has(status)) findings.push(`${what}: ${status} ${text.slice(0, 200)}`);
  else if (status !== 404 && !String(headers['content-type']).includes('json'))
    findings.push(`${what}: ${status} is not told in JSON`);
}

/** What is written without anybody having asked for it: who tried to log in, when a host was last seen. */
const beside = ['user_logins', 'token_epoch', 'token_revocations', 'compute_hosts'];

/** A digest of the rows of every table. */
async function everything({ db }: TestCloud): Promise<Record<string, string>> {
  const tables: string[] = await db('information_schema.tables')
    .where({ table_schema: 'public', table_type: 'BASE TABLE' })
    .whereNotIn('table_name', beside)
    .pluck('table_name');
  const digest = (table: string) =>
    `(select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from "${table}" t) as "${table}"`;
  const { rows } = await db.raw(`select ${tables.map(digest).join(', ')}`);
  return rows[0];
}
