import { Readable } from 'node:stream';
import type { Request, ResponseToolkit } from '@hapi/hapi';
import { one } from '../../../common/http/page.ts';
import { deleteBlob, findBlob, mountBlob, touchBlob } from '../content/blobs.ts';
import { ensureRepository, type Repository } from '../content/repositories.ts';
import { appendToUpload, cancelUpload, finishUpload, getUpload, startUpload, type Upload } from '../content/uploads.ts';
import type { RegistryDeps } from '../deps.ts';
import { OciError } from '../errors.ts';
import { isBlobDeactivated } from '../images/withdraw.ts';
import { isDigest, type Place, parseName } from '../names.ts';
import type { Access, Allowed } from './access.ts';

type At<K extends Place['kind']> = Extract<Place, { kind: K }>;
/** By the method's name in small letters. */
export type Handlers = Record<string, (request: Request, h: ResponseToolkit) => Promise<unknown>>;

/** GET, HEAD and DELETE of a blob. */
export const blobHandlers = (deps: RegistryDeps, access: Access, place: At<'blob'>): Handlers => ({
  async get(request, h) {
    const { repository, isAdmin } = await access.to(request, place.repository, 'pull');
    const { digest } = place;
    if (!isDigest(digest)) throw new OciError('DIGEST_INVALID', 'A digest is sha256: and 64 hexadecimal digits.');
    const blob = repository && (await findBlob(deps.db, repository.id, digest));
    if (!repository || !blob) throw unknownBlob(digest);
    if (!isAdmin && (await isBlobDeactivated(deps.db, repository.id, digest)))
      throw new OciError('DENIED', 'The image that this blob is of has been deactivated.');
    if (request.method === 'head') {
      // Whoever may push is about to leave it out: it stays for as long as a push may take.
      if (await access.allows(request, place.repository, 'push')) await touchBlob(deps.db, repository.id, digest);
      const sizeBytes = await deps.upstream.sizeOfBlob(repository.id, digest);
      if (sizeBytes === undefined) throw unknownBlob(digest);
      return asBlob(h.response(Readable.from([], { objectMode: false })), digest).bytes(sizeBytes);
    }
    const { range } = request.headers;
    const answer = await deps.upstream.openBlob(repository.id, digest, typeof range === 'string' ? { range } : {});
    if (answer.statusCode === 416) {
      answer.resume();
      throw new OciError('RANGE_INVALID', 'The blob has no such range.');
    }
    const shown = asBlob(h.response(answer), digest).code(answer.statusCode ?? 200);
    const { 'content-length': length, 'content-range': contentRange } = answer.headers;
    if (contentRange !== undefined) shown.header('content-range', contentRange);
    return length === undefined ? shown : shown.bytes(Number(length));
  },
  async delete(request, h) {
    const { repository } = await access.to(request, place.repository, 'delete');
    if (!repository || !isDigest(place.digest)) throw unknownBlob(place.digest);
    await deleteBlob(deps, repository.id, place.digest);
    return h.response().code(202);
  },
});

const asBlob = (answer: ReturnType<ResponseToolkit['response']>, digest: string) =>
  answer
    .type('application/octet-stream')
    .header('docker-content-digest', digest)
    .header('accept-ranges', 'bytes')
    .header('etag', `"${digest}"`)
    // A browser that is led here shows nothing of it.
    .header('x-content-type-options', 'nosniff')
    .header('content-disposition', 'attachment');

/** POST that begins an upload, or makes it needless. */
export const uploadsHandlers = (deps: RegistryDeps, access: Access, place: At<'uploads'>): Handlers => ({
  async post(request, h) {
    const allowed = await access.to(request, place.repository, 'push');
    const repository = await mine(deps, allowed);
    const { mount, from, digest } = request.query as Record<string, unknown>;
    const mounted = await mountedFrom(deps, access, request, repository, one(mount), one(from));
    if (mounted !== undefined) return created(h, allowed, mounted);
    const upload = await startUpload(deps, repository);
    const whole = one(digest);
    if (whole === undefined) return accepted(h, allowed, upload);
    const received = await appendToUpload(deps, repository, upload, request.payload as Readable);
    await finishUpload(deps, repository, received, whole);
    return created(h, allowed, whole);
  },
});

/** The digest when the blob could be had from a repository that the caller may pull from; otherwise it has to be sent. */
async function mountedFrom(
  deps: RegistryDeps,
  access: Access,
  request: Request,
  repository: Repository,
  digest = '',
  from = '',
): Promise<string | undefined> {
  if (!isDigest(digest) || parseName(from) === undefined) return undefined;
  const as = { method: 'get', path: `/v2/${from}/blobs/${digest}` };
  const allowed = await access.allows(request, from, 'pull', { as });
  const source = allowed?.repository;
  if (source && !allowed.isAdmin && (await isBlobDeactivated(deps.db, source.id, digest))) return undefined;
  return source && (await mountBlob(deps, repository, digest, source)) ? digest : undefined;
}

/** GET, PATCH, PUT and DELETE of an upload under way. */
export const uploadHandlers = (deps: RegistryDeps, access: Access, place: At<'upload'>): Handlers => {
  const find = async (request: Request) => {
    const allowed = await access.to(request, place.repository, 'push');
    if (!allowed.repository) throw new OciError('BLOB_UPLOAD_UNKNOWN', 'There is no such upload.');
    const upload = await getUpload(deps.db, allowed.repository.id, place.id);
    return { allowed, repository: allowed.repository, upload };
  };
  return {
    async get(request, h) {
      const { allowed, upload } = await find(request);
      return accepted(h, allowed, upload).code(204);
    },
    async patch(request, h) {
      const { allowed, repository, upload } = await find(request);
      const body = request.payload as Readable;
      return accepted(h, allowed, await appendToUpload(deps, repository, upload, body, startOf(request)));
    },
    async put(request, h) {
      const { allowed, repository, upload } = await find(request);
      const digest = one((request.query as Record<string, unknown>).digest) ?? '';
      const received = hasBody(request)
        ? await appendToUpload(deps, repository, upload, request.payload as Readable, startOf(request))
        : upload;
      await finishUpload(deps, repository, received, digest);
      return created(h, allowed, digest);
    },
    async delete(request, h) {
      await cancelUpload(deps, (await find(request)).upload);
      return h.response().code(204);
    },
  };
};

/** The repository, made by the first push into it. */
export async function mine({ db }: RegistryDeps, { repository, projectId, name }: Allowed): Promise<Repository> {
  const found = repository ?? (await ensureRepository(db, projectId, name.name));
  if (found === undefined) throw new OciError('NAME_UNKNOWN', 'There is no such project.');
  return found;
}

const hasBody = ({ headers }: Request) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Where the client says that what it sends begins: `Content-Range: 0-99`. */
function startOf({ headers }: Request): number | undefined {
  const range = headers['content-range'];
  if (range === undefined) return undefined;
  const [, first] = /^(?:bytes[ =])?(\d{1,15})-\d{1,15}(?:\/.*)?$/.exec(String(range)) ?? [];
  if (first === undefined) throw new OciError('RANGE_INVALID', 'Content-Range is FIRST-LAST.');
  return Number(first);
}

function accepted(h: ResponseToolkit, { name }: Allowed, { id, receivedBytes }: Upload) {
  return h
    .response()
    .code(202)
    .header('location', `/v2/${name.text}/blobs/uploads/${id}`)
    .header('range', `0-${Math.max(0, receivedBytes - 1)}`)
    .header('docker-upload-uuid', id);
}

function created(h: ResponseToolkit, { name }: Allowed, digest: string) {
  return h
    .response()
    .code(201)
    .header('location', `/v2/${name.text}/blobs/${digest}`)
    .header('docker-content-digest', digest);
}

const unknownBlob = (digest: string) => new OciError('BLOB_UNKNOWN', 'There is no such blob.', { detail: { digest } });
