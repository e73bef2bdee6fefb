/** libvirt's failures as ours. What libvirt said goes into `cause`: it names host paths and processes, not for a user's eyes. */
import { type CloudError, Conflict, NotFound, PermanentFailure, Unavailable } from '../../../common/errors.ts';
import { DiskFull } from '../driver.ts';
import type { NativeError } from './library.ts';

/** The codes of virterror.h that we treat differently. */
export const errorCode = {
  internalError: 1,
  noSupport: 3,
  noConnect: 5,
  invalidArgument: 8,
  operationFailed: 9,
  xml: 27,
  noDomain: 42,
  operationInvalid: 55,
  configUnsupported: 67,
  xmlDetail: 82,
  agentUnresponsive: 86,
  deviceMissing: 99,
} as const;

/** As libvirt reported it. Only inside this folder; `explain` turns it into an error for others. */
export class LibvirtError extends Error {
  readonly code: number;
  constructor({ code, message }: NativeError) {
    super(`libvirt error ${code}: ${message}`);
    this.name = 'LibvirtError';
    this.code = code;
  }
}

export function hasCode(error: unknown, ...codes: number[]): error is LibvirtError {
  return error instanceof LibvirtError && codes.includes(error.code);
}

/** `doing` completes «The host could not …», as in `start server 7c…`. */
export function explain(error: unknown, doing: string, serverId?: string): CloudError {
  const options = { cause: error };
  if (!(error instanceof LibvirtError)) throw error;
  switch (error.code) {
    case errorCode.noDomain:
      if (serverId !== undefined) return new NotFound('Server', serverId, options);
      break;
    case errorCode.operationInvalid:
      return new Conflict(`The host could not ${doing}: its state does not allow it now.`, options);
    case errorCode.xml:
    case errorCode.xmlDetail:
    case errorCode.noSupport:
    case errorCode.invalidArgument:
    case errorCode.configUnsupported:
      return new PermanentFailure(
        `The host could not ${doing}: its hypervisor does not support what was asked.`,
        options,
      );
  }
  if (/No space left on device/.test(error.message)) {
    return new DiskFull(`The host could not ${doing}: its disk is full.`, options);
  }
  if (/Cannot allocate memory/.test(error.message)) {
    return new PermanentFailure(`The host could not ${doing}: it has not enough free memory.`, options);
  }
  return new Unavailable(`The host could not ${doing}: its hypervisor failed or did not answer.`, options);
}
