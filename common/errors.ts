/**
 * Failures with a name. Nothing here knows of HTTP; each service's plugin renders them in that service's dialect.
 * The message is for the user: what, which one, what to do. The reason underneath goes in `{ cause }` and is only logged.
 */
export class CloudError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The request itself is wrong: a value, a combination, a reference inside a body. */
export class BadRequest extends CloudError {}

/** No token, or one that is not valid (any more). */
export class Unauthorized extends CloudError {}

/** The caller is known and may not do this. */
export class Forbidden extends CloudError {}

/** Also what a stranger gets for an object of somebody else: that it exists is nobody else's business. */
export class NotFound extends CloudError {
  readonly resource: string;
  readonly id: string;
  constructor(resource: string, id: string, options?: ErrorOptions) {
    super(`${resource} ${id} could not be found.`, options);
    this.resource = resource;
    this.id = id;
  }
}

/** Not in this state, or the name is taken. */
export class Conflict extends CloudError {}

/** The key of an earlier request, which this one is not a repetition of. */
export class KeyReused extends CloudError {}

/** A limit would be exceeded; the message names the limit, what is used and what was asked for. */
export class OverQuota extends CloudError {}

/** Too often: the same request may work once so much time has passed. */
export class TooManyRequests extends CloudError {
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Something we stand on does not answer now; the same request may work later. */
export class Unavailable extends CloudError {}

/** Trying again cannot help: the loop records the message on the resource and stops. */
export class PermanentFailure extends CloudError {}
