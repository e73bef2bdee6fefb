import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { BadRequest } from '../errors.ts';

/** Compiles a schema once; the returned function gives the value back or throws a `BadRequest` that names the field. */
export function validator(schema: TSchema, where: 'body' | 'query'): (value: unknown) => unknown {
  const compiled = compiledOnce(schema);
  return (value) => {
    if (compiled.Check(value)) return value;
    const error = mostTelling(compiled.Errors(value));
    if (!error) throw new BadRequest(`The request ${where} is not valid.`);
    const field = error.instancePath.slice(1).replaceAll('/', '.') || where;
    const extra = (error.params as { additionalProperties?: string[] }).additionalProperties;
    if (extra) throw new BadRequest(`Invalid input for field/attribute ${field}: unexpected ${extra.join(', ')}.`);
    throw new BadRequest(`Invalid input for field/attribute ${field}: ${error.message}.`);
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
  params: object;
  message: string;
}

/** A union fails with one error for each alternative and one for itself; the first at the deepest path says most. */
function mostTelling(errors: SchemaError[]): SchemaError | undefined {
  const real = errors.filter((error) => error.keyword !== 'boolean');
  return real.reduce<SchemaError | undefined>(
    (best, error) => (best && depth(best) >= depth(error) ? best : error),
    undefined,
  );
}

function depth(error: SchemaError): number {
  return error.instancePath.split('/').length;
}
