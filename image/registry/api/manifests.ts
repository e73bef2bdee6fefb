import type { Readable } from 'node:stream';
import type { Request, ResponseToolkit } from '@hapi/hapi';
import { one } from '../../../common/http/page.ts';
import { largestManifestBytes } from '../content/manifest.ts';
import { deleteManifest, deleteTag, findManifest, listReferrers, listTags, putManifest } from '../content/manifests.ts';
import type { RegistryDeps } from '../deps.ts';
import { OciError } from '../errors.ts';
import { isDeactivated } from '../images/withdraw.ts';
import { isDigest, isTag, type Place } from '../names.ts';
import { registryPolicy } from '../policy.ts';
import type { Access } from './access.ts';
import { type Handlers, mine } from './blobs.ts';

type At<K extends Place['kind']> = Extract<Place, { kind: K }>;

export const manifestHandlers = (deps: RegistryDeps, access: Access, place: At<'manifest'>): Handlers => ({
  async get(request, h) {
    const { repository, isAdmin } = await access.to(request, place.repository, 'pull');
    const reference = checkedReference(place.reference);
    const found = repository && (await findManifest(deps.db, repository.id, reference));
    if (found && !isAdmin && (await isDeactivated(deps.db, repository.id, found.digest)))
      throw new OciError('DENIED', 'The image of this manifest has been deactivated.');
    const bytes = found && (await deps.upstream.readManifest(repository.id, found.digest, found.mediaType));
    if (!found || !bytes) throw new OciError('MANIFEST_UNKNOWN', `There is no manifest ${reference}.`);
    return h
      .response(bytes)
      .header('content-type', found.mediaType)
      .bytes(bytes.length)
      .header('docker-content-digest', found.digest)
      .header('etag', `"${found.digest}"`)
      .header('x-content-type-options', 'nosniff');
  },
  async put(request, h) {
    const allowed = await access.to(request, place.repository, 'push');
    const repository = await mine(deps, allowed);
    const bytes = await readAll(request.payload as Readable);
    const type = String(request.headers['content-type'] ?? '');
    const { digest, subjectDigest } = await putManifest(deps, repository, place.reference, type, bytes);
    const answer = h
      .response()
      .code(201)
      .header('location', `/v2/${allowed.name.text}/manifests/${digest}`)
      .header('docker-content-digest', digest);
    return subjectDigest === null ? answer : answer.header('oci-subject', subjectDigest);
  },
  async delete(request, h) {
    const isTagged = !place.reference.includes(':');
    const rule = registryPolicy[isTagged ? 'registry:tag:delete' : 'registry:artifact:delete'];
    const { repository } = await access.to(request, place.repository, 'delete', { rule });
    const reference = checkedReference(place.reference);
    if (!repository) throw new OciError('NAME_UNKNOWN', 'There is no such repository.');
    await (isTagged ? deleteTag : deleteManifest)(deps, repository, reference);
    return h.response().code(202);
  },
});

export const tagsHandlers = (deps: RegistryDeps, access: Access, place: At<'tags'>): Handlers => ({
  async get(request, h) {
    const { repository, name } = await access.to(request, place.repository, 'pull');
    if (!repository) throw new OciError('NAME_UNKNOWN', 'There is no such repository.');
    const page = readPage(request);
    const { names, more } = await listTags(deps.db, repository.id, page);
    const answer = h.response({ name: name.text, tags: names });
    return linked(answer, `/v2/${name.text}/tags/list`, page.limit, more ? names.at(-1) : undefined);
  },
});

export const referrersHandlers = (deps: RegistryDeps, access: Access, place: At<'referrers'>): Handlers => ({
  async get(request, h) {
    const { repository, name } = await access.to(request, place.repository, 'pull');
    if (!isDigest(place.digest)) throw new OciError('DIGEST_INVALID', 'A digest is sha256: and 64 hexadecimal digits.');
    const { artifactType, last: after } = request.query as Record<string, unknown>;
    const [type, last] = [one(artifactType), one(after)];
    if (last !== undefined && !isDigest(last))
      throw new OciError('DIGEST_INVALID', 'last is the digest of a manifest.');
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const { referrers: manifests, more } = repository
      ? await listReferrers(deps.db, repository.id, place.digest, { artifactType: type, last })
      : { referrers: [], more: false };
    const answer = h
      .response(JSON.stringify({ schemaVersion: 2, mediaType, manifests }))
      .header('content-type', mediaType);
    if (more) {
      const next = new URLSearchParams({
        ...(type !== undefined && { artifactType: type }),
        last: manifests.at(-1)!.digest,
      });
      answer.header('link', `</v2/${name.text}/referrers/${place.digest}?${next}>; rel="next"`);
    }
    return type === undefined ? answer : answer.header('oci-filters-applied', 'artifactType');
  },
});

/** `n` and `last`, as the specification pages. */
export function readPage({ query }: Request): { last: string | undefined; limit: number } {
  const { n, last } = query as Record<string, unknown>;
  const text = one(n);
  if (text !== undefined && !/^\d{1,9}$/.test(text))
    throw new OciError('PAGINATION_NUMBER_INVALID', 'n is a number, of 0 or more.');
  return { last: one(last), limit: Math.min(Number(text ?? 1000), 1000) };
}

export function linked(
  answer: ReturnType<ResponseToolkit['response']>,
  path: string,
  limit: number,
  last: string | undefined,
) {
  if (last === undefined) return answer;
  return answer.header('link', `<${path}?${new URLSearchParams({ n: String(limit), last })}>; rel="next"`);
}

function checkedReference(reference: string): string {
  if (reference.includes(':') ? isDigest(reference) : isTag(reference)) return reference;
  throw reference.includes(':')
    ? new OciError('DIGEST_INVALID', 'A digest is sha256: and 64 hexadecimal digits.')
    : new OciError('MANIFEST_UNKNOWN', 'This is no name of a tag.');
}

async function readAll(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > largestManifestBytes)
      throw new OciError('MANIFEST_INVALID', `A manifest has at most ${largestManifestBytes} bytes.`, { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
