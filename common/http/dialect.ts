/** How one service words its failures: the JSON around the message is each OpenStack project's own. */
export interface Failure {
  status: number;
  message: string;
  /** Name of our error class, for dialects that tell types apart. */
  type: string;
  requestId: string;
}

export type Dialect = (failure: Failure) => unknown;

const titles: Record<number, string> = {
  300: 'Multiple Choices',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

export function titleOf(status: number): string {
  return titles[status] ?? 'Error';
}

/** Identity: `{"error": {code, message, title}}`. */
export const identityDialect: Dialect = ({ status, message }) => ({
  error: { code: status, message, title: titleOf(status) },
});

const computeFaults: Record<number, string> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

/** Compute and block storage: `{"<faultName>": {code, message}}`. */
export const computeDialect: Dialect = ({ status, message }) => ({
  [computeFaults[status] ?? 'computeFault']: { code: status, message },
});

/** Network: `{"NeutronError": {type, message, detail}}`. */
export const networkDialect: Dialect = ({ message, type }) => ({ NeutronError: { type, message, detail: '' } });

/**
 * Image: `{"error": {code, message, title}}`. Glance writes HTML, or the same fields at the top for who asks for JSON; there
 * python-glanceclient fails over every error, because it looks for `message` one level down (its exc.py, `from_response`).
 */
export const imageDialect: Dialect = ({ status, message }) => ({
  error: { code: `${status} ${titleOf(status)}`, message, title: titleOf(status) },
});

/** Containers and clusters: `{"errors": [{status, code, title, detail, links, request_id}]}`. Their clients show the title. */
export const containerDialect: Dialect = ({ status, message, requestId }) => ({
  errors: [{ status, code: '', title: message, detail: message, links: [], request_id: requestId }],
});
