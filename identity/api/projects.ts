import { Type } from 'typebox';
import { flag, one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { admin, anyScope, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { defaultDomainId } from '../domains/store.ts';
import { changeProject, createProject, deleteProject } from '../projects/operations.ts';
import type { Project } from '../projects/project.ts';
import { getProject, listProjects } from '../projects/store.ts';
import { collection } from './collection.ts';
import { description, enabled, reference, resourceName } from './fields.ts';

const CreateProject = Type.Object({
  project: Type.Object({
    name: resourceName(64),
    domain_id: Type.Optional(reference),
    parent_id: Type.Optional(Type.Union([reference, Type.Null()])),
    description,
    enabled,
    is_domain: Type.Optional(Type.Literal(false)),
    tags: Type.Optional(Type.Array(Type.String(), { maxItems: 0 })),
    options: Type.Optional(Type.Object({}, { additionalProperties: false })),
  }),
});

const UpdateProject = Type.Object({
  project: Type.Object({ name: Type.Optional(resourceName(64)), description, enabled }, { minProperties: 1 }),
});

export const projectPolicy = definePolicy({
  'identity:get_project': {
    check: 'is_admin:True or project_id:%(target.project.id)s',
    scopes: anyScope,
    description: 'Show a project; its own members may',
  },
  'identity:list_projects': admin('List projects'),
  'identity:create_project': admin('Create a project'),
  'identity:update_project': admin('Update a project'),
  'identity:delete_project': admin('Delete a project'),
});

export function projectView(deps: IdentityDeps, project: Project) {
  return {
    id: project.id,
    name: project.name,
    description: project.description,
    enabled: project.enabled,
    domain_id: project.domainId,
    parent_id: project.parentId ?? project.domainId,
    is_domain: false,
    tags: [],
    options: {},
    links: { self: `${identityUrl(deps)}/projects/${project.id}` },
  };
}

export const projectRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/v3/projects',
    rule: projectPolicy['identity:list_projects'],
    summary: 'List projects',
    status: 200,
    async handler({ query, request }) {
      const projects = await listProjects(deps.db, {
        name: one(query.name),
        domainId: one(query.domain_id),
        parentId: one(query.parent_id),
        enabled: flag(query.enabled, 'enabled'),
      });
      return collection(
        deps,
        'projects',
        projects.map((project) => projectView(deps, project)),
        request.url,
      );
    },
  }),
  route({
    method: 'POST',
    path: '/v3/projects',
    rule: projectPolicy['identity:create_project'],
    summary: 'Create a project',
    body: CreateProject,
    status: 201,
    async handler({ body }, h) {
      const { name, domain_id, parent_id, description, enabled } = body.project;
      const project = await createProject(deps, {
        name,
        domainId: domain_id ?? defaultDomainId,
        parentId: parent_id ?? null,
        description: description ?? '',
        enabled: enabled ?? true,
      });
      return h.response({ project: projectView(deps, project) }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: '/v3/projects/{project_id}',
    rule: projectPolicy['identity:get_project'],
    summary: 'Show a project',
    target: ({ project_id }) => ({ 'target.project.id': project_id }),
    status: 200,
    handler: async ({ params }) => ({ project: projectView(deps, await getProject(deps.db, params.project_id ?? '')) }),
  }),
  route({
    method: 'PATCH',
    path: '/v3/projects/{project_id}',
    rule: projectPolicy['identity:update_project'],
    summary: 'Update a project',
    body: UpdateProject,
    status: 200,
    async handler({ params, body }) {
      const { name, description, enabled } = body.project;
      const project = await changeProject(deps, params.project_id ?? '', {
        ...(name !== undefined && { name }),
        ...(description !== undefined && { description: description ?? '' }),
        ...(enabled !== undefined && { enabled }),
      });
      return { project: projectView(deps, project) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v3/projects/{project_id}',
    rule: projectPolicy['identity:delete_project'],
    summary: 'Delete a project',
    status: 204,
    async handler({ params }, h) {
      await deleteProject(deps, params.project_id ?? '');
      return noContent(h);
    },
  }),
];
