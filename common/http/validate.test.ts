import test from 'ava';
import { Type } from 'typebox';
import { validator } from './validate.ts';

const Thing = Type.Object(
  {
    description: Type.Union([Type.Null(), Type.String({ maxLength: 3 })]),
    policy: Type.Optional(Type.Union([Type.Literal('near'), Type.Literal('far')])),
    count: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
);
const check = validator(Type.Object({ thing: Thing }), 'body');

test('what is wrong is told of the alternative that was meant', (t) => {
  const refusals: [unknown, string][] = [
    [{ description: 'long' }, 'thing.description: must not have more than 3 characters.'],
    [{ description: 4 }, 'thing.description: must be null or string.'],
    [{ description: null, policy: 'off' }, 'thing.policy: must be "near" or "far".'],
    [{ description: null, count: '1' }, 'thing.count: must be integer.'],
    [{ description: null, count: 0 }, 'thing.count: must be >= 1.'],
    [{ description: null, colour: 'red' }, 'thing: unexpected colour.'],
    [{}, 'thing: must have required properties description.'],
  ];
  for (const [thing, message] of refusals)
    t.throws(() => check({ thing }), { message: `Invalid input for field/attribute ${message}` });
  t.deepEqual(check({ thing: { description: 'abc' } }), { thing: { description: 'abc' } });
});
