import type { Calls, MakeCall } from '../call.ts';

const nothing: MakeCall = () => ({});
const repository: MakeCall = (it) => ({ params: { repository_id: it.registryRepository } });

export const registryCalls: Calls = {
  'GET /token': { notCalled: 'it looks at a user name and a password, and at no token of identity’s' },
  'GET /v1/repositories': [nothing, (it) => ({ query: { marker: it.registryRepository } })],
  'GET /v1/repositories/{repository_id}': repository,
  'PATCH /v1/repositories/{repository_id}': (it) => ({
    params: { repository_id: it.registryRepository },
    body: { repository: { immutable_tags: true } },
  }),
  'DELETE /v1/repositories/{repository_id}': (it) => ({ params: { repository_id: it.spareRegistryRepository } }),
  'GET /v1/project': nothing,
  'PATCH /v1/project': () => ({ body: { project: { immutable_tags: true } } }),
};

const withTokensOfItsOwn = {
  notCalled: 'it looks at tokens of the registry alone; image/registry/api/access.test.ts asks as everybody',
};

export const distributionCalls: Calls = {
  'GET /{path*}': withTokensOfItsOwn,
  'POST /{path*}': withTokensOfItsOwn,
  'PATCH /{path*}': withTokensOfItsOwn,
  'PUT /{path*}': withTokensOfItsOwn,
  'DELETE /{path*}': withTokensOfItsOwn,
};
