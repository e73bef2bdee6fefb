import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { BadRequest } from '../errors.ts';

/** Compiles a schema once; the returned function gives the value back or throws a `BadRequest` that names the field. */
export function validator(schema: TSchema, where: 'body' | 'query'): (value: unknown) => unknown {
  const compiled = compiledOnce(schema);
  return (value) => {
    if (compiled.Check(value)) return value;
    const errors = compiled.Errors(value) as SchemaError[];
    const error = mostTelling(errors);
    if (!error) throw new BadRequest(`The request ${where} is not valid.`);
    const field = error.instancePath.slice(1).replaceAll('/', '.') || where;
    throw new BadRequest(`Invalid input for field/attribute ${field}: ${told(error, errors)}.`);
  };
}

const compiledSchemas = new WeakMap<TSchema, Validator>();

function compiledOnce(schema: TSchema): Validator {
  const compiled = compiledSchemas.get(schema) ?? Compile(schema);
  compiledSchemas.set(schema, compiled);
  return compiled;
}

interface SchemaError {
  keyword: string;
  instancePath: string;
  params: { additionalProperties?: string[]; type?: string; allowedValue?: unknown };
  message: string;
}

/** Those of an alternative that is of another kind, and those of unions for themselves. */
const kinds = new Set(['type', 'const', 'anyOf', 'oneOf', 'not']);

/**
 * A union fails with one error for each alternative and one for itself. What says most is deepest in the value; there, what an
 * alternative of the right kind has against it; then the first.
 */
function mostTelling(errors: SchemaError[]): SchemaError | undefined {
  const weight = ({ instancePath, keyword }: SchemaError) =>
    2 * instancePath.split('/').length + (kinds.has(keyword) ? 0 : 1);
  return errors
    .filter((error) => error.keyword !== 'boolean')
    .reduce<SchemaError | undefined>(
      (best, error) => (best && weight(best) >= weight(error) ? best : error),
      undefined,
    );
}

/** Where the value is of no alternative's kind, all of them are told. */
function told(error: SchemaError, errors: SchemaError[]): string {
  const { additionalProperties } = error.params;
  if (additionalProperties) return `unexpected ${additionalProperties.join(', ')}`;
  const alternatives = errors
    .filter(({ instancePath, keyword }) => instancePath === error.instancePath && kinds.has(keyword))
    .map(({ keyword, params }) => ({ type: params.type, const: JSON.stringify(params.allowedValue) })[keyword])
    .filter((one) => one !== undefined);
  const isOfAKind = error.keyword === 'type' || error.keyword === 'const';
  return isOfAKind && alternatives.length > 0 ? `must be ${[...new Set(alternatives)].join(' or ')}` : error.message;
}
