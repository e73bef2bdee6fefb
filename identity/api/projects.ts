import { type Static, Type } from 'typebox';
import type { Context } from '../../common/context.ts';
import { BadRequest, Forbidden } from '../../common/errors.ts';
import { one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { anyScope, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { changeDomain, createDomain, deleteDomain } from '../domains/operations.ts';
import { type Domain, defaultDomainId, findDomain, pageOfDomains } from '../domains/store.ts';
import { extraOf } from '../extra.ts';
import { changeProject, createProject, deleteProject, domainOfNewProject } from '../projects/operations.ts';
import type { Project } from '../projects/project.ts';
import { findProject, getProject, pageOfProjects } from '../projects/store.ts';
import { tagFilter } from '../projects/tags.ts';
import { domainQuery } from './domains.ts';
import {
  checkSameId,
  description,
  enabled,
  queryFlag,
  reference,
  resourceName,
  resourceOptions,
  tagList,
  trimmedTags,
} from './fields.ts';
import { identityPage, listView, textFilters } from './listing.ts';
import { domainManagers, domainReaders } from './personas.ts';
import { familyView } from './project-family.ts';
import { ownDomain, projectTarget } from './targets.ts';

const attributes = {
  domain_id: Type.Optional(Type.Union([reference, Type.Null()])),
  parent_id: Type.Optional(Type.Union([reference, Type.Null()])),
  is_domain: Type.Optional(Type.Boolean()),
  description,
  enabled,
  tags: Type.Optional(tagList),
  options: resourceOptions,
};

const CreateProject = Type.Object({ project: Type.Object({ name: resourceName(64), ...attributes }) });

const UpdateProject = Type.Object({
  project: Type.Object({ name: Type.Optional(resourceName(64)), ...attributes }, { minProperties: 1 }),
});

const known = ['id', 'links', 'name', 'parents', 'subtree', ...Object.keys(attributes)];

export const projectPolicy = definePolicy({
  'identity:get_project': {
    check:
      'rule:admin_required or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.project.domain_id)s) or project_id:%(target.project.id)s',
    scopes: anyScope,
    description: 'Show a project; those with a token for it, and readers of its domain, may',
  },
  'identity:list_projects': domainReaders('target.domain_id', 'List projects; readers of a domain see those in it'),
  'identity:create_project': domainManagers('target.project.domain_id', 'Create a project'),
  'identity:update_project': domainManagers('target.project.domain_id', 'Update a project'),
  'identity:delete_project': domainManagers('target.project.domain_id', 'Delete a project'),
});

export function projectView(deps: Pick<IdentityDeps, 'publicUrl'>, project: Project) {
  return {
    ...project.extra,
    id: project.id,
    name: project.name,
    description: project.description,
    enabled: project.enabled,
    domain_id: project.domainId as string | null,
    parent_id: (project.parentId ?? project.domainId) as string | null,
    is_domain: false,
    tags: project.tags,
    options: project.options,
    links: { self: `${identityUrl(deps)}/projects/${project.id}` },
  };
}

/** A domain as the project that acts as one: in no domain, below nothing. */
function domainAsProjectView(deps: IdentityDeps, domain: Domain) {
  const { id, name, description, enabled, tags, options, extra } = domain;
  const project = { id, name, description, enabled, tags, options, extra, domainId: id, parentId: null };
  return { ...projectView(deps, project), domain_id: null, parent_id: null, is_domain: true };
}

type Body = Static<typeof UpdateProject>['project'];

function unpack(project: Body) {
  return {
    name: project.name?.trim(),
    description: project.description === null ? '' : project.description,
    enabled: project.enabled,
    tags: project.tags && trimmedTags(project.tags),
    options: project.options,
    extra: extraOf(project, known),
  };
}

/** A project stays where it was made. Throws `BadRequest`, or `Forbidden` as keystone does, where a change says otherwise. */
function checkStays(body: Body, now: { domain_id: string | null; parent_id: string | null; is_domain: boolean }): void {
  if (body.domain_id !== undefined && body.domain_id !== now.domain_id) throw new BadRequest('Cannot change Domain ID');
  if (body.is_domain !== undefined && body.is_domain !== now.is_domain)
    throw new BadRequest('Update of `is_domain` is not allowed.');
  if (body.parent_id !== undefined && body.parent_id !== now.parent_id)
    throw new Forbidden('Update of `parent_id` is not allowed.');
}

export const projectRoutes = (deps: IdentityDeps) => {
  const { db } = deps;
  /** The domain of a project to be; a project that acts as a domain is in none. */
  const domainFor = ({ is_domain, domain_id, parent_id }: Body, ctx: Context, fallback: string | null) =>
    is_domain
      ? undefined
      : domainOfNewProject(db, { domainId: domain_id, parentId: parent_id }, ctx.domainId ?? fallback);

  return [
    route({
      method: 'GET',
      path: '/v3/projects',
      rule: projectPolicy['identity:list_projects'],
      summary: 'List projects',
      target: ownDomain('target.domain_id'),
      status: 200,
      async handler({ ctx, query, request }) {
        const page = identityPage(query);
        const { url } = request;
        if (queryFlag(query, 'is_domain')) {
          const isNowhere = ctx.domainId !== null || query.domain_id !== undefined || query.parent_id !== undefined;
          if (isNowhere) return listView(deps, 'projects', [], { url });
          const { rows, more } = await pageOfDomains(db, domainQuery(query), page);
          return listView(
            deps,
            'projects',
            rows.map((domain) => domainAsProjectView(deps, domain)),
            { url, more },
          );
        }
        const filter = {
          texts: textFilters(query, { name: 'name', domain_id: 'domain_id' }),
          parentId: one(query.parent_id),
          enabled: queryFlag(query, 'enabled'),
          tags: tagFilter(query),
          ...(ctx.domainId !== null && { domainId: ctx.domainId }),
        };
        const { rows, more } = await pageOfProjects(db, filter, page);
        return listView(
          deps,
          'projects',
          rows.map((project) => projectView(deps, project)),
          { url, more },
        );
      },
    }),
    route({
      method: 'POST',
      path: '/v3/projects',
      rule: projectPolicy['identity:create_project'],
      summary: 'Create a project',
      target: ownDomain('target.project.domain_id'),
      bodyTarget: async ({ project }, ctx) => ({
        'target.project.domain_id': await domainFor(project, ctx, null),
      }),
      body: CreateProject,
      status: 201,
      async handler({ ctx, body }, h) {
        const { name, domain_id, parent_id, is_domain } = body.project;
        const asked = { ...unpack(body.project), name: name.trim() };
        if (is_domain) {
          if (domain_id || parent_id) throw new BadRequest('only root projects are allowed to act as domains.');
          return h.response({ project: domainAsProjectView(deps, await createDomain(deps, asked)) }).code(201);
        }
        const domainId = await domainFor(body.project, ctx, defaultDomainId);
        if (domainId === undefined) throw new BadRequest(`There is no project ${parent_id} to be the parent.`);
        const project = await createProject(deps, { ...asked, domainId, parentId: parent_id });
        return h.response({ project: projectView(deps, project) }).code(201);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/projects/{project_id}',
      rule: projectPolicy['identity:get_project'],
      summary: 'Show a project, and what is above and below it when that is asked for',
      target: projectTarget(deps),
      status: 200,
      async handler({ ctx, params, query }) {
        const { project_id: id = '' } = params;
        const project = await findProject(db, id);
        const family = await familyView(deps, ctx, id, project, query);
        if (project) return { project: { ...projectView(deps, project), ...family } };
        const domain = await findDomain(db, id);
        if (!domain) return { project: projectView(deps, await getProject(db, id)) };
        return { project: { ...domainAsProjectView(deps, domain), ...family } };
      },
    }),
    route({
      method: 'PATCH',
      path: '/v3/projects/{project_id}',
      rule: projectPolicy['identity:update_project'],
      summary: 'Update a project',
      target: projectTarget(deps),
      body: UpdateProject,
      status: 200,
      async handler({ params, body }) {
        const { project_id: id = '' } = params;
        checkSameId(body.project, id);
        const changes = unpack(body.project);
        const domain = await findDomain(db, id);
        if (domain) {
          checkStays(body.project, domainAsProjectView(deps, domain));
          return { project: domainAsProjectView(deps, await changeDomain(deps, id, changes)) };
        }
        checkStays(body.project, projectView(deps, await getProject(db, id)));
        return { project: projectView(deps, await changeProject(deps, id, changes)) };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/projects/{project_id}',
      rule: projectPolicy['identity:delete_project'],
      summary: 'Delete a project',
      target: projectTarget(deps),
      status: 204,
      async handler({ params }, h) {
        const { project_id: id = '' } = params;
        if (await findDomain(db, id)) await deleteDomain(deps, id);
        else await deleteProject(deps, id);
        return noContent(h);
      },
    }),
  ];
};
