import { Type } from 'typebox';
import type { Visible } from '../../../common/context.ts';
import { visibleTo } from '../../../common/context.ts';
import { linkedPage, pageRequest } from '../../../common/http/page.ts';
import { noContent, route } from '../../../common/http/route.ts';
import { isoSeconds } from '../../../common/http/time.ts';
import { deleteRepository } from '../content/operations.ts';
import {
  getRepository,
  listRepositories,
  projectIsImmutable,
  type Repository,
  setImmutable,
  setProjectImmutable,
} from '../content/repositories.ts';
import { limitBytes, usedBy } from '../content/usage.ts';
import type { RegistryDeps } from '../deps.ts';
import { registryPolicy } from '../policy.ts';

const closed = { additionalProperties: false };

const UpdateRepository = Type.Object(
  {
    repository: Type.Object(
      {
        immutable_tags: Type.Union([Type.Boolean(), Type.Null()], {
          description: 'Whether its tags stay what they are; null: as the project says',
        }),
      },
      closed,
    ),
  },
  closed,
);

const UpdateProject = Type.Object(
  {
    project: Type.Object(
      { immutable_tags: Type.Boolean({ description: 'For repositories that do not say themselves' }) },
      closed,
    ),
  },
  closed,
);

/** What the registry's own API has no words for: how repositories are kept, and how much there is of it. */
export const repositoryRoutes = (deps: RegistryDeps) => {
  const { db, publicUrl } = deps;
  const view = (repository: Repository, isImmutableByProject: boolean) => ({
    id: repository.id,
    project_id: repository.projectId,
    name: repository.name,
    immutable_tags: repository.immutableTags,
    tags_are_immutable: repository.immutableTags ?? isImmutableByProject,
    created_at: isoSeconds(repository.createdAt),
    updated_at: isoSeconds(repository.updatedAt),
  });
  const shown = async (visible: Visible, id: string) => {
    const repository = await getRepository(db, visible, id);
    return { repository: view(repository, await projectIsImmutable(db, repository.projectId)) };
  };
  const project = async (projectId: string) => {
    const { content, uploads } = await usedBy(db, projectId);
    return {
      project: {
        id: projectId,
        immutable_tags: await projectIsImmutable(db, projectId),
        used_bytes: content + uploads,
        limit_bytes: (await limitBytes(deps, projectId)) ?? null,
      },
    };
  };
  return [
    route({
      method: 'GET',
      path: '/v1/repositories',
      rule: registryPolicy['registry:repository:list'],
      summary: 'List the repositories of the project',
      status: 200,
      async handler({ ctx, query, request }) {
        const page = pageRequest(query);
        const { repositories, more } = await listRepositories(db, ctx.projectId, page);
        const isImmutable = await projectIsImmutable(db, ctx.projectId);
        const views = repositories.map((repository) => view(repository, isImmutable));
        return linkedPage('repositories', views, {
          more,
          marker: repositories.at(-1)?.id,
          url: request.url,
          base: `${publicUrl}/registry/v1/repositories`,
          limit: page.limit,
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/repositories/{repository_id}',
      rule: registryPolicy['registry:repository:read'],
      summary: 'Show a repository',
      status: 200,
      handler: ({ ctx, params }) => shown(visibleTo(ctx), params.repository_id!),
    }),
    route({
      method: 'PATCH',
      path: '/v1/repositories/{repository_id}',
      rule: registryPolicy['registry:repository:update'],
      summary: 'Say whether the tags of a repository may be moved',
      body: UpdateRepository,
      status: 200,
      async handler({ ctx, params, body }) {
        const { id } = await getRepository(db, visibleTo(ctx), params.repository_id!);
        await setImmutable(db, id, body.repository.immutable_tags);
        return shown(visibleTo(ctx), id);
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/repositories/{repository_id}',
      rule: registryPolicy['registry:repository:delete'],
      summary: 'Delete a repository with all that is in it',
      status: 204,
      async handler({ ctx, params }, h) {
        await deleteRepository(deps, visibleTo(ctx), params.repository_id!);
        return noContent(h);
      },
    }),
    route({
      method: 'GET',
      path: '/v1/project',
      rule: registryPolicy['registry:repository:list'],
      summary: 'Show how much the project has in the registry, and whether its tags may be moved',
      status: 200,
      handler: ({ ctx }) => project(ctx.projectId),
    }),
    route({
      method: 'PATCH',
      path: '/v1/project',
      rule: registryPolicy['registry:project:update'],
      summary: 'Say whether tags of the project may be moved, where the repository does not say',
      body: UpdateProject,
      status: 200,
      async handler({ ctx, body }) {
        await setProjectImmutable(db, ctx.projectId, body.project.immutable_tags);
        return project(ctx.projectId);
      },
    }),
  ];
};
