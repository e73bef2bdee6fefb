import test from 'ava';
import type { Context } from '../../common/context.ts';
import { BadRequest, Forbidden } from '../../common/errors.ts';
import { createPropertyProtection } from './protection.ts';
import { type PropertyOperation, parseProtections, propertyOperations } from './rules-file.ts';

const section = (name: string, [create, read, update, remove]: readonly string[]) =>
  `[${name}]\ncreate = ${create}\nread: ${read}\nUPDATE=${update}\ndelete = ${remove}\n`;

const as = (...roles: string[]) => ({ roles }) as unknown as Context;

test('the first expression that is found in a name decides, and what none is found in nobody may', (t) => {
  const protection = createPropertyProtection((_, policy) => policy === 'known');
  t.true(protection.allows(as(), 'delete', 'anything'), 'nothing is protected without rules');
  const file = `# roles\n${section('^x_owner_', ['admin, Member', '@', 'ADMIN', '!'])}; and\n${section('x_', ['@', '!', '', 'admin'])}`;
  protection.replace(parseProtections(file, 'roles'));
  const may = (name: string, ...roles: string[]) =>
    propertyOperations.filter((operation) => protection.allows(as(...roles), operation, name));
  t.deepEqual(may('x_owner_name', 'member'), ['create', 'read']);
  t.deepEqual(may('x_owner_name', 'reader', 'Admin'), ['create', 'read', 'update']);
  t.deepEqual(may('x_owner_name'), ['read']);
  t.deepEqual(may('my_x_thing', 'admin'), ['create', 'delete'], 'found anywhere in the name');
  t.deepEqual(may('other', 'admin'), []);
  protection.replace(parseProtections(section('.*', ['known', 'unknown', '@', '!']), 'policies'));
  t.deepEqual(may('other', 'admin'), ['create', 'update']);
  t.deepEqual(protection.policies(), ['known', 'unknown']);
  t.is(protection.readerOf(as('admin')), undefined, 'what a policy says may be about more than roles');
});

test('a file that is not valid is refused with the reason', (t) => {
  const whole = ['@', '@', '@', '@'];
  for (const [content, why] of [
    ['[a]\ncreate = @\nread = @\nupdate = @\n', /who may delete/],
    ['create = @', /line 1: it belongs to no section/],
    [`${section('a', whole)}${section('a', whole)}`, /second section/],
    [`${section('a', whole)}read = @`, /second read/],
    [section('a(', whole), /no regular expression/],
    [section('a', ['@,!', '@', '@', '@']), /exclude each other/],
    ['[a]\nwrite = @', /line 2/],
    ['[a]\nnonsense', /line 2/],
    ['x'.repeat(2 ** 20 + 1), /larger/],
  ] as const)
    t.throws(() => parseProtections(content, 'roles'), { instanceOf: BadRequest, message: why });
  t.throws(() => parseProtections(section('a', ['p,q', '@', '@', '@']), 'policies'), { message: /one policy/ });
  t.deepEqual(parseProtections('# nothing yet\n', 'roles'), []);
});

/** The same numbers from the same seed (mulberry32). */
function randomFrom(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) % below;
  };
}

test('whatever the rules, nobody sees, makes, changes or removes what is not theirs to, and what they do not see stays', (t) => {
  const seed = Number(process.env.PROTECTION_SEED ?? Date.now() % 2 ** 31);
  t.log(`PROTECTION_SEED=${seed}`);
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
  const names = ['a', 'b', 'ab', 'ba', 'abc', 'c'];
  const properties = () => Object.fromEntries(names.filter(() => random(2)).map((name) => [name, String(random(2))]));
  let refusals = 0;
  for (let round = 0; round < 3000; round++) {
    const who = () => pick(['@', '!', '', 'r1', 'r2', 'r1,r2']);
    const asked = [...new Set(Array.from({ length: 1 + random(3) }, () => pick(['^a', 'b', 'b$', 'c', '^ab$', '.*'])))];
    const table = asked.map((expression) => ({ expression, who: propertyOperations.map(who) }));
    const protection = createPropertyProtection(() => false);
    protection.replace(parseProtections(table.map((row) => section(row.expression, row.who)).join(''), 'roles'));
    const roles = ['r1', 'r2'].filter(() => random(2));
    const model = (operation: PropertyOperation, name: string) => {
      const row = table.find(({ expression }) => name.search(expression) >= 0);
      const value = row?.who[propertyOperations.indexOf(operation)] ?? '';
      return value === '@' || value.split(',').some((role) => roles.includes(role));
    };
    const [before, wanted] = [properties(), properties()];
    const seen = protection.readable(as(...roles), { properties: before }).properties;
    t.deepEqual(
      Object.keys(seen),
      Object.keys(before).filter((name) => model('read', name)),
    );
    const mayAll = names.every((name) => {
      const [is, will] = [before[name], wanted[name]];
      if (will === undefined) return !(name in seen) || model('delete', name);
      if (is === undefined) return model('create', name);
      return (name in seen || model('create', name)) && (is === will || model('update', name));
    });
    if (!mayAll) {
      refusals += 1;
      t.throws(() => protection.changed(as(...roles), before, wanted), { instanceOf: Forbidden });
      continue;
    }
    const unseen = Object.fromEntries(Object.entries(before).filter(([name]) => !(name in seen)));
    t.deepEqual(protection.changed(as(...roles), before, wanted), { ...unseen, ...wanted });
  }
  t.true(refusals > 300 && refusals < 2900, `${refusals} refusals`);
});
