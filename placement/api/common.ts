/** What the resources of Placement have in common. */
import type { ResponseObject, ResponseToolkit } from '@hapi/hapi';
import { BadRequest, NotFound } from '../../common/errors.ts';
import type { Failure } from '../../common/http/dialect.ts';
import { titleOf } from '../../common/http/dialect.ts';
import { type Microversions, since, type Version } from '../../common/http/microversion.ts';

export const prefix = '/placement';

export const placementMicroversions: Microversions = { service: 'placement', min: [1, 0], max: [1, 39] };

/** Placement's: `{"errors": [{status, title, detail, code, request_id}]}`. It leaves out the code before 1.23. */
export function placementDialect({ status, message, type, requestId }: Failure) {
  const code = type === 'ConcurrentUpdate' ? 'placement.concurrent_update' : 'placement.undefined_code';
  return { errors: [{ status, title: titleOf(status), detail: message, code, request_id: requestId }] };
}

/** A policy of those whom Placement's own rules let in: administrators and services. */
export const forServices = (description: string) =>
  ({ check: 'rule:service_or_admin', scopes: ['project', 'system'], description }) as const;

/** As for a path that was never there. */
export function requireSince(version: Version, minor: number): void {
  if (!since(version, 1, minor)) throw new NoSuchResource();
}

class NoSuchResource extends NotFound {
  constructor() {
    super('The resource', '');
    this.message = 'The resource could not be found.';
  }
}

/** From 1.15 on answers say that they are of now and not to be kept. */
export function fresh(h: ResponseToolkit, version: Version, body: object, status = 200): ResponseObject {
  return unkept(h.response(body).code(status), version);
}

export function unkept(answer: ResponseObject, version: Version): ResponseObject {
  if (!since(version, 1, 15)) return answer;
  return answer.header('cache-control', 'no-cache').header('last-modified', new Date().toUTCString());
}

/** Throws `BadRequest` in Placement's words for a parameter that an operation does not know. */
export function checkQuery(query: Record<string, unknown>, isKnown: (name: string) => boolean): void {
  const unknown = Object.keys(query).find((name) => !isKnown(name));
  if (unknown !== undefined)
    throw new BadRequest(
      `Invalid query string parameters: Additional properties are not allowed ('${unknown.slice(0, 255)}' was unexpected)`,
    );
}
