/** Walks all routes as everybody, and says in sentences what was not as it must be. */
import { rules } from '../../cloud.ts';
import { createEnforcer } from '../../common/policy/enforcer.ts';
import type { TestCloud } from '../cloud.ts';
import { ask, type Told, told } from './answers.ts';
import { type Call, type Calls, keyOf, requestOf, tracked } from './call.ts';
import { type Caller, type Callers, makeCallers } from './callers.ts';
import { absentThings, isCommon, isSecret, makeCommons, makeThings, type Thing, type Things } from './things.ts';
import { isPrivy, verdictOn } from './verdict.ts';
import { leastDestructiveFirst, type Way, waysOf } from './ways.ts';

const enforcer = createEnforcer(rules);

interface Ground {
  cloud: TestCloud;
  callers: Callers;
  owners: Things;
  /** A stranger's own things, of every kind. */
  strangers: Things;
  absent: Things;
  /** What is not as it must be, a sentence each. */
  findings: string[];
}

/** Makes everything in a fresh cloud, tries everything, and gives what was wrong. */
export async function walk(cloud: TestCloud, callsOf: Record<string, Calls>): Promise<string[]> {
  const commons = await makeCommons(cloud);
  const owners = await makeThings(cloud, 'member', commons);
  const strangers = await makeThings(cloud, 'stranger', commons);
  const callers = await makeCallers(cloud);
  const ground: Ground = { cloud, callers, owners, strangers, absent: absentThings(owners), findings: [] };
  // Services stand on those before them: whoever deletes begins with the last.
  const ways: Way[] = [];
  for (const { service } of cloud.modules.toReversed())
    ways.push(...leastDestructiveFirst(await waysOf(service, callsOf[service.name] ?? {}, owners, callers, enforcer)));
  const before = await dump(ground, ways);
  for (const way of ways) await tryAsOthers(ground, way);
  await cloud.settle();
  compareDumps(ground, before, await dump(ground, ways));
  for (const way of ways) await readAsColleague(ground, way);
  for (const way of ways) await succeed(ground, way, way.owner, owners);
  // The strangers' own things are whole until now.
  for (const way of ways)
    if (isPrivy(way.route, callers.systemAdmin, way.owner)) await succeed(ground, way, callers.systemAdmin, strangers);
  return ground.findings;
}

async function tryAsOthers(ground: Ground, way: Way): Promise<void> {
  const { admin, member, ...others } = ground.callers;
  for (const caller of Object.values(others)) {
    const verdict = await verdictOn(enforcer, way.route, caller, way.make(ground.owners));
    if (verdict === 'needs a token') {
      await refuse(ground, way, caller, 401);
      continue;
    }
    if (verdict === 'is forbidden') await refuse(ground, way, caller, 403);
    if (verdict === 'finds nothing') await refuse(ground, way, caller, 404);
    if (!isPrivy(way.route, caller, member)) await tryAsStranger(ground, way, caller);
    // A reader whom the route lets ask for more than reading is refused by a rule of its own behind it.
    else if (caller === others.reader && verdict === 'may ask' && !isRead(way, ground))
      await refuse(ground, way, caller, 403);
  }
}

function isRead({ route, make }: Way, { owners }: Ground): boolean {
  return route.method === 'GET' || make(owners).reads === true;
}

/** A refusal comes before anything about existence is told. */
async function refuse(ground: Ground, way: Way, caller: Caller, status: number): Promise<void> {
  const { used } = tracked(way.make, ground.owners);
  await compare(ground, way, caller, used, (got) => got === status, `${status}`);
}

/** Everything foreign, then one foreign thing among the stranger's own: neither can be told from what does not exist. */
async function tryAsStranger(ground: Ground, way: Way, caller: Caller): Promise<void> {
  const { cloud, strangers } = ground;
  const { used } = tracked(way.make, strangers);
  const foreign = used.filter((thing) => !isCommon(thing) && !isSecret(thing));
  for (const set of foreign.length > 1
    ? [foreign, ...foreign.map((thing) => [thing])]
    : foreign.map((thing) => [thing])) {
    const things = { ...strangers, ...pick(ground.owners, set) };
    const call = way.make(things);
    if ((await verdictOn(enforcer, way.route, caller, call)) === 'is forbidden')
      await compare(ground, way, caller, set, (got) => got === 403, '403');
    else await compare(ground, way, caller, set, ...wantedOf(way, call, things, set));
  }
  if (foreign.length > 0 || way.route.method !== 'GET') return;
  // Nothing of the owner's is named, so it may be had; but nothing of the owner's is in it either.
  const call = way.make(strangers);
  if ((await verdictOn(enforcer, way.route, caller, call)) === 'is forbidden') return;
  const answer = await ask(cloud, caller, requestOf(way.service.prefix, way.route, call));
  expectStatus(ground, way, caller, answer, call);
  lookForLeaks(ground, way, caller, answer.text, []);
}

type Wanted = [isWanted: (status: number) => boolean, inWords: string];

/** Named in the path it is not found; named in the body the request fails; named in the query it matches nothing. */
function wantedOf({ route }: Way, call: Call, things: Things, set: Thing[]): Wanted {
  const isIn = (part: unknown) =>
    set.some((thing) => JSON.stringify(part ?? '').includes(JSON.stringify(things[thing])));
  const mayName = set.every((thing) => call.mayName?.[thing]);
  if (isIn(call.params) && !('anonymous' in route.rule))
    return call.by ? [(got) => got === 404 || got === 403, '404 or 403'] : [(got) => got === 404, '404'];
  if ((isIn(call.params) || isIn(call.body)) && !mayName) return [(got) => got >= 400 && got < 500, '4xx'];
  return [(got) => got < 500, 'no failure'];
}

/** Asks with the owner's things and with absent ones in the places of `set`, the stranger's own elsewhere. */
async function compare(ground: Ground, way: Way, caller: Caller, set: Thing[], ...wanted: Wanted): Promise<void> {
  const [isWanted, inWords] = wanted;
  const named = set.filter((thing) => !isSecret(thing));
  const answers: Told[] = [];
  for (const from of [ground.owners, ground.absent]) {
    const things = { ...ground.strangers, ...pick(from, named) };
    const call = way.make(things);
    const answer = await ask(ground.cloud, caller, requestOf(way.service.prefix, way.route, call));
    if (!isWanted(answer.status))
      find(
        ground,
        way,
        caller,
        `${answer.status} instead of ${inWords}, ${naming(from, ground, named)}: ${answer.text}`,
      );
    lookForLeaks(ground, way, caller, answer.text, named);
    const isNew = answer.status < 300 && call.mayName !== undefined; // with an id of its own
    answers.push(told(answer, named, things, { isNew }));
  }
  if (answers[0] !== answers[1])
    find(
      ground,
      way,
      caller,
      `what exists can be told from what does not, ${naming(ground.owners, ground, named)}:\n${answers.join('\n  absent:\n')}`,
    );
}

const naming = (from: Things, { owners }: Ground, named: Thing[]) =>
  named.length === 0
    ? 'naming nothing'
    : `naming ${from === owners ? 'the owner’s' : 'an absent'} ${named.join(' and ')}`;

function lookForLeaks(ground: Ground, way: Way, caller: Caller, text: string, named: Thing[]): void {
  if (isPrivy(way.route, caller, ground.callers.member)) return;
  const mine: unknown[] = [caller.ctx?.userId, caller.ctx?.projectId];
  const rest = named.reduce((left, thing) => left.replaceAll(ground.owners[thing], ''), text);
  for (const [thing, value] of Object.entries(ground.owners) as [Thing, string][])
    if (!isCommon(thing) && !mine.includes(value) && rest.includes(value))
      find(ground, way, caller, `is told the owner’s ${thing}: ${text}`);
}

/** Others of the project may read what its member may. */
async function readAsColleague({ cloud, callers, owners, findings }: Ground, way: Way): Promise<void> {
  const { route, make, owner, service } = way;
  const { reader, member } = callers;
  const call = make(owners);
  if (route.method !== 'GET' || owner !== member || call.isPersonal || !isPrivy(route, reader, member)) return;
  if ((await verdictOn(enforcer, route, reader, call)) !== 'may ask') return;
  expectStatus({ findings }, way, reader, await ask(cloud, reader, requestOf(service.prefix, route, call)), call);
}

/** The declared status, for whoever has the right. */
async function succeed(ground: Ground, way: Way, caller: Caller, things: Things): Promise<void> {
  const { route, make, service } = way;
  const call = make(things);
  if ((await verdictOn(enforcer, route, caller, call)) !== 'may ask') return;
  expectStatus(ground, way, caller, await ask(ground.cloud, caller, requestOf(service.prefix, route, call)), call);
  if (route.method !== 'GET') await ground.cloud.settle();
}

/** All that the owner can read, by what was asked. */
async function dump({ cloud, owners, callers: { member } }: Ground, ways: Way[]): Promise<Map<string, string>> {
  const seen = new Map<string, string>();
  for (const { service, route, make, owner } of ways) {
    if (route.method !== 'GET' || owner !== member) continue;
    const asked = requestOf(service.prefix, route, make(owners));
    const { text } = await ask(cloud, owner, asked);
    seen.set(asked.path, text.replace(/Up \d+ (seconds|mins|hours)/g, 'Up')); // for how long is nobody's doing
  }
  return seen;
}

function compareDumps({ findings }: Ground, before: Map<string, string>, after: Map<string, string>): void {
  for (const [path, text] of before)
    if (after.get(path) !== text)
      findings.push(`GET ${path} is not to its owner what it was:\n${text}\n  after:\n${after.get(path)}`);
}

function expectStatus(
  ground: Pick<Ground, 'findings'>,
  way: Way,
  caller: Caller,
  { status, text }: { status: number; text: string },
  call: Call,
): void {
  const wanted = call.status ?? way.route.status;
  if (status !== wanted) find(ground, way, caller, `${status} instead of ${wanted}: ${text}`);
}

function find({ findings }: Pick<Ground, 'findings'>, { service, route }: Way, caller: Caller, what: string): void {
  findings.push(`${service.name} ${keyOf(route)}, ${caller.name}: ${what}`);
}

function pick(things: Things, names: readonly Thing[]): Partial<Things> {
  return Object.fromEntries(names.map((name) => [name, things[name]]));
}
