import { ApiFailure, messageIn } from './failure.ts';

export type Service = 'identity' | 'compute' | 'container' | 'image' | 'network';

/** Paths, not the catalog's URLs: one endpoint serves all, and this page may reach nothing but the place it came from. */
const prefixes: Record<Service, string> = {
  identity: '/identity/v3',
  compute: '/compute/v2.1',
  container: '/container/v1',
  image: '/image/v2',
  network: '/network/v2.0',
};

/** Pinned, so that a newer cloud answers this dashboard as it was written. */
const microversions: Partial<Record<Service, string>> = { compute: 'compute 2.26', container: 'container 1.39' };

export interface Call {
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export interface Answer<T> {
  body: T;
  headers: Headers;
}

/** One request. Throws `ApiFailure` for everything that is not a success. */
export async function call<T>(
  method: string,
  service: Service,
  path: string,
  { token, body, headers = {}, signal }: Call,
): Promise<Answer<T>> {
  const microversion = microversions[service];
  const response = await fetch(prefixes[service] + path, {
    method,
    credentials: 'omit',
    cache: 'no-store',
    referrerPolicy: 'no-referrer',
    headers: {
      accept: 'application/json',
      ...(token !== undefined && { 'x-auth-token': token }),
      ...(microversion !== undefined && { 'openstack-api-version': microversion }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((error: Error) => {
    if (error.name === 'AbortError') throw error;
    throw new ApiFailure(
      'The cloud does not answer. Is its API running, and is this machine connected to it?',
      0,
      null,
    );
  });
  const text = await response.text();
  const parsed = parse(text);
  if (!response.ok) throw failure(response.status, response.statusText, parsed, response.headers.get(requestIdHeader));
  return { body: parsed as T, headers: response.headers };
}

const requestIdHeader = 'x-openstack-request-id';

function failure(status: number, title: string, body: unknown, requestId: string | null): ApiFailure {
  return new ApiFailure(messageIn(body) ?? `The cloud answered ${status} ${title}`.trim(), status, requestId);
}

/** JSON where it is JSON; container logs are plain text. */
function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `PUT`s a file; unlike `fetch` it can tell how much has been sent. Aborting the signal ends it. */
export function upload(
  service: Service,
  path: string,
  file: Blob,
  { token, signal, onProgress }: { token: string; signal: AbortSignal; onProgress: (sentBytes: number) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open('PUT', prefixes[service] + path);
    sending.setRequestHeader('x-auth-token', token);
    sending.setRequestHeader('content-type', 'application/octet-stream');
    sending.upload.onprogress = (event) => onProgress(event.loaded);
    sending.onload = () => {
      if (sending.status >= 200 && sending.status < 300) return resolve();
      const id = sending.getResponseHeader(requestIdHeader);
      reject(failure(sending.status, sending.statusText, parse(sending.responseText), id));
    };
    sending.onerror = () => reject(new ApiFailure('The connection ended before the file was sent.', 0, null));
    sending.onabort = () => reject(new ApiFailure('The upload was cancelled.', 0, null));
    signal.addEventListener('abort', () => sending.abort());
    sending.send(file);
  });
}
