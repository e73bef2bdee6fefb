/**
 * The registry server (Debian's docker-registry): it keeps blobs and manifests and checks their digests. It listens where
 * only we reach it and asks nobody who they are; repositories are known to it by our ids.
 */
import type { IncomingMessage, OutgoingHttpHeaders, RequestOptions } from 'node:http';
import type { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { BadRequest, Unavailable } from '../../common/errors.ts';
import { Agent, request } from '../../common/http/node-http.ts';
import { OciError } from './errors.ts';

export interface Upstream {
  startUpload(repository: string): Promise<string>;
  /** Sends more of an upload. @returns where it goes on. */
  append(location: string, body: AsyncIterable<Buffer>): Promise<string>;
  /** Throws `OciError` DIGEST_INVALID when the bytes are not those. */
  finishUpload(location: string, digest: string): Promise<void>;
  /** False for one that was cut off: the registry server refuses to touch it, and keeps its bytes. */
  cancelUpload(location: string): Promise<boolean>;
  /** False when `from` has no such blob. */
  mount(repository: string, digest: string, from: string): Promise<boolean>;
  /** Bytes; undefined when it is not there. */
  sizeOfBlob(repository: string, digest: string): Promise<number | undefined>;
  /** The answer to a GET, which may be for a range. */
  openBlob(repository: string, digest: string, headers?: OutgoingHttpHeaders): Promise<IncomingMessage>;
  unlinkBlob(repository: string, digest: string): Promise<void>;
  putManifest(repository: string, digest: string, mediaType: string, bytes: Buffer): Promise<void>;
  /** Undefined when it is not there. */
  readManifest(repository: string, digest: string, mediaType: string): Promise<Buffer | undefined>;
  removeManifest(repository: string, digest: string): Promise<void>;
  answers(): Promise<boolean>;
  close(): void;
}

/** It may have to read all of a blob again, where it goes on with an upload or ends one, as after a restart. */
const finishSeconds = 600;

/** @param address `unix:PATH` or `http://HOST:PORT`. @throws BadRequest for anything else. */
export function openUpstream(address: string): Upstream {
  // As many as there are: a client that reads or sends slowly holds one, and must not keep others from theirs.
  const agent = new Agent({ keepAlive: true });
  const where = target(address);

  const send = async (
    method: string,
    path: string,
    {
      headers = {},
      body,
      seconds = 60,
    }: { headers?: OutgoingHttpHeaders; body?: AsyncIterable<Buffer> | Buffer; seconds?: number } = {},
  ): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const asked = request({ ...where, agent, method, path, headers });
    asked.once('response', resolve);
    asked.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Unavailable('The registry does not answer now; try again.', { cause: error })),
    );
    promise.catch(() => undefined);
    if (body === undefined || Buffer.isBuffer(body)) asked.end(body);
    else {
      // What breaks the body off is the caller's error, and not that the registry was then cut off.
      const sent = pipeline(body, asked).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code === 'ERR_STREAM_PREMATURE_CLOSE' || error.code === 'EPIPE' || error.code === 'ECONNRESET')
          throw new Unavailable('The registry does not answer now; try again.', { cause: error });
        throw error;
      });
      sent.catch(() => undefined);
      await Promise.race([sent, promise]);
    }
    // Whatever waits here may hold a transaction; a body that comes slowly is none of that, and has limits of its own.
    const timer = setTimeout(() => asked.destroy(new Error(`no answer within ${seconds} s`)), seconds * 1000);
    return promise.finally(() => clearTimeout(timer));
  };
  const expect = async (answer: IncomingMessage, ...statuses: number[]): Promise<IncomingMessage> => {
    if (statuses.includes(answer.statusCode ?? 0)) return answer;
    throw await errorOf(answer);
  };
  const done = async (answer: IncomingMessage, ...statuses: number[]): Promise<IncomingMessage> => {
    const expected = await expect(answer, ...statuses);
    expected.resume();
    return expected;
  };
  const blob = (repository: string, digest: string) => `/v2/${repository}/blobs/${digest}`;
  const manifest = (repository: string, digest: string) => `/v2/${repository}/manifests/${digest}`;
  const locationOf = ({ headers }: IncomingMessage): string => {
    if (headers.location === undefined) throw new Error('the registry named no location');
    return headers.location;
  };

  return {
    async startUpload(repository) {
      return locationOf(await done(await send('POST', `/v2/${repository}/blobs/uploads/`), 202));
    },
    async append(location, body) {
      const headers = { 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked' };
      return locationOf(await done(await send('PATCH', location, { headers, body, seconds: finishSeconds }), 202));
    },
    async finishUpload(location, digest) {
      const path = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
      await done(await send('PUT', path, { headers: { 'content-length': 0 }, seconds: finishSeconds }), 201);
    },
    async cancelUpload(location) {
      const answer = await send('DELETE', location);
      const isGone = answer.statusCode === 204;
      if (isGone) answer.resume();
      return isGone || /BLOB_UPLOAD_UNKNOWN/.test(Buffer.concat(await answer.toArray()).toString());
    },
    async mount(repository, digest, from) {
      const query = new URLSearchParams({ mount: digest, from });
      const answer = await done(await send('POST', `/v2/${repository}/blobs/uploads/?${query}`), 201, 202);
      if (answer.statusCode === 202) await this.cancelUpload(locationOf(answer));
      return answer.statusCode === 201;
    },
    async sizeOfBlob(repository, digest) {
      const answer = await done(await send('HEAD', blob(repository, digest)), 200, 404);
      return answer.statusCode === 404 ? undefined : Number(answer.headers['content-length']);
    },
    openBlob: async (repository, digest, headers = {}) =>
      expect(await send('GET', blob(repository, digest), { headers }), 200, 206, 416),
    async unlinkBlob(repository, digest) {
      await done(await send('DELETE', blob(repository, digest)), 202, 404);
    },
    async putManifest(repository, digest, mediaType, bytes) {
      const headers = { 'content-type': mediaType, 'content-length': bytes.length };
      await done(await send('PUT', manifest(repository, digest), { headers, body: bytes }), 201);
    },
    async readManifest(repository, digest, mediaType) {
      const answer = await send('GET', manifest(repository, digest), { headers: { accept: mediaType } });
      if (answer.statusCode === 404) {
        answer.resume();
        return undefined;
      }
      return Buffer.concat(await (await expect(answer, 200)).toArray());
    },
    async removeManifest(repository, digest) {
      await done(await send('DELETE', manifest(repository, digest)), 202, 404);
    },
    answers: async () =>
      send('GET', '/v2/').then(
        (answer) => answer.resume().statusCode === 200,
        () => false,
      ),
    close: () => agent.destroy(),
  };
}

function target(address: string): RequestOptions {
  const path = /^unix:(.+)$/.exec(address)?.[1];
  if (path !== undefined) return { socketPath: path };
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === 'http:') return { host: url.hostname, port: url.port || 80 };
  throw new BadRequest('Setting registry: must be unix:PATH or http://HOST:PORT.');
}

/** What the registry says of a request is for its user, where it is about what they sent; otherwise it is an error of ours. */
async function errorOf(answer: Readable & { statusCode?: number }): Promise<Error> {
  const status = answer.statusCode ?? 0;
  const body = (await json(answer).catch(() => undefined)) as { errors?: { code: string; message: string }[] };
  const [first] = body?.errors ?? [];
  if (status >= 500)
    return new Unavailable('The registry failed; try again.', { cause: new Error(JSON.stringify(body)) });
  const code = first?.code;
  if (code === 'DIGEST_INVALID') return new OciError(code, 'The digest is not that of the data that came.');
  if (code === 'MANIFEST_BLOB_UNKNOWN' || code === 'BLOB_UNKNOWN') return new OciError(code, first!.message);
  if (code === 'MANIFEST_INVALID') return new OciError(code, `The manifest is not valid: ${first!.message}.`);
  if (code === 'BLOB_UPLOAD_UNKNOWN' || code === 'BLOB_UPLOAD_INVALID' || code === 'RANGE_INVALID')
    return new OciError('BLOB_UPLOAD_UNKNOWN', 'There is no such upload any more; begin anew.');
  return new Error(`the registry answered ${status}: ${JSON.stringify(body)}`);
}
