import { BadRequest } from '../../common/errors.ts';
import { flag, nextHref, one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin, projectMember, projectReader } from '../../common/policy/rules.ts';
import { createContainer } from '../containers/create.ts';
import { deleteContainer } from '../containers/operations.ts';
import { getContainer, listContainers } from '../containers/store.ts';
import { CreateContainer, newContainer } from './container-body.ts';
import {
  checkAllProjects,
  containerFilter,
  containerPage,
  containerSort,
  listScope,
  refuseUnknown,
} from './container-query.ts';
import { containerViews } from './container-view.ts';
import type { ContainersApiDeps } from './containers-deps.ts';
import { containerLinks, needsVersion } from './containers-versions.ts';

export const containerPolicy = definePolicy({
  'container:create': projectMember('Create a container'),
  'container:get_all': projectReader('List containers'),
  'container:get_one': projectReader('Show a container'),
  'container:delete': projectMember('Delete a container'),
});

/** Ways of deleting that no route stands for. */
export const containerDeletionPolicy = definePolicy({
  'container:delete_force': projectAdmin('Delete a container whatever it is doing'),
});

const runOnly = new Set(['run']);
const deletionParameters = new Set(['force', 'stop', 'all_projects']);
/** python-zunclient sends the type of a body that it does not have; others send none. */
const deletionTypes = ['application/json', 'application/octet-stream', ''];

export const containerRoutes = (deps: ContainersApiDeps) => [
  route({
    method: 'GET',
    path: '/v1/containers',
    rule: containerPolicy['container:get_all'],
    summary: 'List containers',
    status: 200,
    async handler({ ctx, query, request }) {
      const filter = containerFilter(query);
      const page = containerPage(query);
      const scope = listScope(deps, ctx, query);
      const { containers, more } = await listContainers(deps.db, scope, filter, page, containerSort(query));
      const last = containers.at(-1);
      const base = `${deps.url}/v1/containers`;
      return {
        containers: await containerViews(deps, ctx, containers),
        next: more && last ? nextHref(request.url, base, last.id, page.limit) : null,
      };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/containers',
    rule: containerPolicy['container:create'],
    summary: 'Create a container; with run=true, start it as well',
    body: CreateContainer,
    status: 202,
    async handler({ ctx, body, query, version }, h) {
      refuseUnknown(query, runOnly);
      const isStarted = flag(query.run, 'run') ?? false;
      const container = await createContainer(deps, ctx, newContainer(deps, ctx, version, body, isStarted));
      const [view] = await containerViews(deps, ctx, [container]);
      const [self] = containerLinks(deps.url, container.id);
      return h
        .response(view)
        .code(202)
        .header('location', self?.href ?? '');
    },
  }),
  route({
    method: 'GET',
    path: '/v1/containers/{container_ident}',
    rule: containerPolicy['container:get_one'],
    summary: 'Show a container, by its uuid or its name',
    status: 200,
    async handler({ ctx, params, query }, h) {
      const visible = checkAllProjects(deps, ctx, query, 'container:get_one_all_projects');
      const container = await getContainer(deps.db, visible, params.container_ident ?? '');
      const [view] = await containerViews(deps, ctx, [container]);
      return h.response(view);
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/containers/{container_ident}',
    rule: containerPolicy['container:delete'],
    summary: 'Delete a container; with stop=true one that runs, by force=true whatever it is doing',
    bodyTypes: deletionTypes,
    status: 204,
    async handler({ ctx, params, query, version }, h) {
      refuseUnknown(query, deletionParameters);
      checkAllProjects(deps, ctx, query, 'container:delete_all_projects');
      const isForced = flag(query.force, 'force') ?? false;
      const isStopped = flag(query.stop, 'stop') ?? false;
      if (isStopped) needsVersion(version, 'stop', 1, 12);
      else if (isForced) {
        needsVersion(version, 'force', 1, 7);
        deps.enforcer.authorize(ctx, containerDeletionPolicy['container:delete_force']);
      }
      const how = isStopped ? 'stop' : isForced ? 'force' : 'stopped';
      await deleteContainer(deps, ctx, params.container_ident ?? '', how);
      return noContent(h);
    },
  }),
];

/** The value of a query parameter that must be there. */
export function required(query: Record<string, string | string[]>, name: string): string {
  const value = one(query[name]);
  if (!value) throw new BadRequest(`Invalid input for query parameter ${name}: it is missing.`);
  return value;
}
