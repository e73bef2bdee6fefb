import { BadRequest } from '../../common/errors.ts';
import type { ComputeHost } from '../hosts/host.ts';
import type { Placement } from './claim.ts';
import { explainNoValidHost, type HostRefusal } from './explain.ts';
import type { Scheduling } from './scheduling.ts';

/** What was asked of a guest that is there would leave it without a host. The message names no host; `details` do. */
export class NoValidHost extends BadRequest {
  /** Host by host, for administrators and for the log. */
  readonly details: string;

  constructor({ reason, details }: { reason: string; details: string }) {
    super(reason);
    this.details = details;
  }
}

/** Throws `NoValidHost`. */
export function placed(placement: Placement): ComputeHost {
  if (placement.host === undefined) throw new NoValidHost(placement);
  return placement.host;
}

/** The same of one host that a guest must stay on. Throws `NoValidHost`. */
export function refuseHost({ noValidHost }: Scheduling, projectId: string, refusal: HostRefusal | undefined): void {
  if (refusal === undefined) return;
  const why = explainNoValidHost([refusal]);
  noValidHost?.({ ...why, projectId });
  throw new NoValidHost(why);
}

/** All that is known of why, for who may know the hosts. */
export function inFull({ message, details }: NoValidHost): string {
  return `${message} Host by host: ${details.replaceAll('\n', '; ')}.`;
}
