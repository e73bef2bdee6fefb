/**
 * The distribution API (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md), which `docker` and its
 * like speak. A repository's name has any number of segments, which a router cannot tell from what follows: there is one
 * route for each method, and names.ts tells what it is about.
 */
import type { Readable } from 'node:stream';
import type { Request, ResponseToolkit } from '@hapi/hapi';
import { route } from '../../../common/http/route.ts';
import { drain } from '../../api/drain.ts';
import { listRepositoryNames } from '../content/catalog.ts';
import type { RegistryDeps } from '../deps.ts';
import { errorBody, OciError } from '../errors.ts';
import { type Place, parsePlace } from '../names.ts';
import { type Access, ChallengeError, challengeOf, registryAccess } from './access.ts';
import { blobHandlers, type Handlers, uploadHandlers, uploadsHandlers } from './blobs.ts';
import { linked, manifestHandlers, readPage, referrersHandlers, tagsHandlers } from './manifests.ts';

const bearer =
  'asks for a bearer token of the registry, which has grants by rules of policy (image/registry/api/access.ts)';

const summaries = {
  GET: 'Pull manifests and blobs, list tags, referrers and repositories (also HEAD)',
  POST: 'Begin the upload of a blob, or mount one of another repository',
  PATCH: 'Upload more of a blob',
  PUT: 'Finish the upload of a blob; push a manifest',
  DELETE: 'Delete a manifest, a tag, a blob, or an upload',
} as const;

export const distributionRoutes = (deps: RegistryDeps) => {
  const access = registryAccess(deps);
  const methods = Object.keys(summaries) as (keyof typeof summaries)[];
  return methods.map((method) =>
    route({
      method,
      path: '/{path*}',
      rule: { anonymous: bearer },
      summary: summaries[method],
      ...(method !== 'GET' && { rawBody: true }),
      status: { GET: 200, POST: 202, PATCH: 202, PUT: 201, DELETE: 202 }[method],
      async handler({ request, params }, h) {
        const answer = await answered(deps, access, request, params.path ?? '', h);
        return answer.header('docker-distribution-api-version', 'registry/2.0');
      },
    }),
  );
};

async function answered(deps: RegistryDeps, access: Access, request: Request, path: string, h: ResponseToolkit) {
  try {
    const place = parsePlace(path);
    if (place === undefined) {
      await access.check(request);
      throw new OciError('UNSUPPORTED', 'The specification has nothing here.', { status: 404 });
    }
    const handlers = handlersOf(deps, access, place);
    const method = request.method === 'head' ? 'get' : request.method;
    const handler = handlers[method];
    if (handler === undefined) throw new OciError('UNSUPPORTED', 'This method means nothing here.');
    return (await handler(request, h)) as ReturnType<ResponseToolkit['response']>;
  } catch (error) {
    // Many clients listen only once they have sent everything.
    if (request.payload) await drain(request.payload as Readable);
    if (error instanceof ChallengeError)
      return h
        .response(errorBody('UNAUTHORIZED', error.message))
        .code(401)
        .header('www-authenticate', challengeOf(deps, error));
    if (error instanceof OciError)
      return h.response(errorBody(error.code, error.message, error.detail)).code(error.status);
    throw error;
  }
}

function handlersOf(deps: RegistryDeps, access: Access, place: Place): Handlers {
  switch (place.kind) {
    case 'base':
      return {
        async get(request: Request, h: ResponseToolkit) {
          await access.check(request);
          return h.response({});
        },
      };
    case 'catalog':
      return {
        async get(request: Request, h: ResponseToolkit) {
          const page = readPage(request);
          const { names, more } = await listRepositoryNames(deps.db, await access.listed(request), page);
          return linked(
            h.response({ repositories: names }),
            '/v2/_catalog',
            page.limit,
            more ? names.at(-1) : undefined,
          );
        },
      };
    case 'blob':
      return blobHandlers(deps, access, place);
    case 'uploads':
      return uploadsHandlers(deps, access, place);
    case 'upload':
      return uploadHandlers(deps, access, place);
    case 'manifest':
      return manifestHandlers(deps, access, place);
    case 'tags':
      return tagsHandlers(deps, access, place);
    case 'referrers':
      return referrersHandlers(deps, access, place);
  }
}
