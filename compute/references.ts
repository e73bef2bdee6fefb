import { BadRequest, NotFound } from '../common/errors.ts';

/** What is missing behind an id inside a body is a bad request, not a missing resource. */
export function asBadReference(error: unknown, message?: string): unknown {
  return error instanceof NotFound ? new BadRequest(message ?? error.message, { cause: error }) : error;
}

export function badReference(message?: string): (error: unknown) => never {
  return (error) => {
    throw asBadReference(error, message);
  };
}
