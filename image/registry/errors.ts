import type { Dialect } from '../../common/http/dialect.ts';

/** The codes of the distribution specification, each with its status. */
const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNAVAILABLE: 503,
  UNSUPPORTED: 405,
} as const;

export type OciCode = keyof typeof statuses;

/** A refusal in the registry's own words; the message is what `docker` shows. */
export class OciError extends Error {
  readonly code: OciCode;
  readonly status: number;
  readonly detail: unknown;
  constructor(code: OciCode, message: string, options: ErrorOptions & { status?: number; detail?: unknown } = {}) {
    super(message, options);
    this.name = 'OciError';
    this.code = code;
    this.status = options.status ?? statuses[code];
    this.detail = options.detail ?? null;
  }
}

const codes: Record<number, OciCode> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NAME_UNKNOWN',
  405: 'UNSUPPORTED',
  429: 'TOOMANYREQUESTS',
  503: 'UNAVAILABLE',
};

export const errorBody = (code: string, message: string, detail: unknown = null) => ({
  errors: [{ code, message, detail }],
});

/** `{"errors": [{code, message, detail}]}`, for what fails before a handler of ours has it. */
export const registryDialect: Dialect = ({ status, message, requestId }) =>
  errorBody(codes[status] ?? (status < 500 ? 'UNSUPPORTED' : 'UNKNOWN'), message, { requestId });
