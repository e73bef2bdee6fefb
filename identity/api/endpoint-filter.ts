import { type Method, noContent, route } from '../../common/http/route.ts';
import { definePolicy, type Rule } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { getEndpointGroup, listEndpointGroupsOfProject } from '../endpoint-filter/groups.ts';
import {
  checkGiven,
  endpointsOfGroup,
  endpointsOfProject,
  type Given,
  give,
  projectsGiven,
  takeBack,
} from '../endpoint-filter/store.ts';
import { getEndpoint } from '../endpoints/store.ts';
import { getProject } from '../projects/store.ts';
import { endpointGroupView } from './endpoint-groups.ts';
import { endpointView } from './endpoints.ts';
import { listView } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';
import { projectView } from './projects.ts';

export const endpointFilterPolicy = definePolicy({
  'identity:list_projects_for_endpoint': cloudReaders('List the projects that an endpoint was given to'),
  'identity:add_endpoint_to_project': administrators('Give an endpoint to a project'),
  'identity:check_endpoint_in_project': cloudReaders('Check that a project was given an endpoint'),
  'identity:list_endpoints_for_project': cloudReaders('List the endpoints that a project was given'),
  'identity:remove_endpoint_from_project': administrators('Take an endpoint back from a project'),
  'identity:list_projects_associated_with_endpoint_group': cloudReaders(
    'List the projects that an endpoint group was given to',
  ),
  'identity:list_endpoints_associated_with_endpoint_group': cloudReaders('List the endpoints in an endpoint group'),
  'identity:get_endpoint_group_in_project': cloudReaders('Show that a project was given an endpoint group'),
  'identity:list_endpoint_groups_for_project': cloudReaders('List the endpoint groups that a project was given'),
  'identity:add_endpoint_group_to_project': administrators('Give an endpoint group to a project'),
  'identity:remove_endpoint_group_from_project': administrators('Take an endpoint group back from a project'),
});

const base = '/v3/OS-EP-FILTER';

export const endpointFilterRoutes = (deps: IdentityDeps) => {
  const { db } = deps;
  const associationView = (endpoint_group_id: string, project_id: string) => {
    const self = `${identityUrl(deps)}/OS-EP-FILTER/endpoint_groups/${endpoint_group_id}/projects/${project_id}`;
    return { project_endpoint_group: { endpoint_group_id, project_id, links: { self } } };
  };
  const list = <T extends { id: string }>(
    path: string,
    rule: Rule,
    summary: string,
    name: string,
    views: (params: Record<string, string>) => Promise<T[]>,
  ) =>
    route({
      method: 'GET',
      path: base + path,
      rule,
      summary,
      status: 200,
      async handler({ params, request: { url } }) {
        return listView(deps, name, await views(params), { url, path: url.pathname.replace(/^\/identity\/v3\//, '') });
      },
    });
  const change = (
    method: Method,
    path: string,
    rule: Rule,
    summary: string,
    act: (kind: Given, id: string, projectId: string) => Promise<void>,
  ) =>
    route({
      method,
      path: base + path,
      rule,
      summary,
      status: 204,
      async handler({ params: { project_id = '', endpoint_id, endpoint_group_id = '' } }, h) {
        if (endpoint_id !== undefined) await act('endpoint', endpoint_id, project_id);
        else await act('endpoint group', endpoint_group_id, project_id);
        return noContent(h);
      },
    });
  const projects = async (kind: Given, id: string) =>
    (await projectsGiven(db, kind, id)).map((project) => projectView(deps, project));
  const policy = endpointFilterPolicy;
  const ofProject = '/projects/{project_id}/endpoints/{endpoint_id}';
  const groupOfProject = '/endpoint_groups/{endpoint_group_id}/projects/{project_id}';
  return [
    list(
      '/projects/{project_id}/endpoints',
      policy['identity:list_endpoints_for_project'],
      'List the endpoints that a project was given, also in groups',
      'endpoints',
      async ({ project_id = '' }) => {
        await getProject(db, project_id);
        return (await endpointsOfProject(db, project_id)).map((endpoint) => endpointView(deps, endpoint));
      },
    ),
    change(
      'PUT',
      ofProject,
      policy['identity:add_endpoint_to_project'],
      'Give an endpoint to a project, which then sees none but those it was given',
      (...given) => give(db, ...given),
    ),
    change(
      'GET',
      ofProject,
      policy['identity:check_endpoint_in_project'],
      'Check that a project was given an endpoint',
      (...given) => checkGiven(db, ...given),
    ),
    change(
      'DELETE',
      ofProject,
      policy['identity:remove_endpoint_from_project'],
      'Take an endpoint back from a project',
      (...given) => takeBack(db, ...given),
    ),
    list(
      '/endpoints/{endpoint_id}/projects',
      policy['identity:list_projects_for_endpoint'],
      'List the projects that an endpoint was given to, not counting groups',
      'projects',
      async ({ endpoint_id = '' }) => {
        await getEndpoint(db, endpoint_id);
        return projects('endpoint', endpoint_id);
      },
    ),
    list(
      '/projects/{project_id}/endpoint_groups',
      policy['identity:list_endpoint_groups_for_project'],
      'List the endpoint groups that a project was given',
      'endpoint_groups',
      async ({ project_id = '' }) => {
        await getProject(db, project_id);
        return (await listEndpointGroupsOfProject(db, project_id)).map((group) => endpointGroupView(deps, group));
      },
    ),
    list(
      '/endpoint_groups/{endpoint_group_id}/endpoints',
      policy['identity:list_endpoints_associated_with_endpoint_group'],
      'List the endpoints in an endpoint group',
      'endpoints',
      async ({ endpoint_group_id = '' }) =>
        (await endpointsOfGroup(db, endpoint_group_id)).map((endpoint) => endpointView(deps, endpoint)),
    ),
    list(
      '/endpoint_groups/{endpoint_group_id}/projects',
      policy['identity:list_projects_associated_with_endpoint_group'],
      'List the projects that an endpoint group was given to',
      'projects',
      async ({ endpoint_group_id = '' }) => {
        await getEndpointGroup(db, endpoint_group_id);
        return projects('endpoint group', endpoint_group_id);
      },
    ),
    change(
      'PUT',
      groupOfProject,
      policy['identity:add_endpoint_group_to_project'],
      'Give an endpoint group to a project',
      (...given) => give(db, ...given),
    ),
    route({
      method: 'GET',
      path: base + groupOfProject,
      rule: policy['identity:get_endpoint_group_in_project'],
      summary: 'Show that a project was given an endpoint group',
      status: 200,
      async handler({ params: { endpoint_group_id = '', project_id = '' } }) {
        await checkGiven(db, 'endpoint group', endpoint_group_id, project_id);
        return associationView(endpoint_group_id, project_id);
      },
    }),
    change(
      'DELETE',
      groupOfProject,
      policy['identity:remove_endpoint_group_from_project'],
      'Take an endpoint group back from a project',
      (...given) => takeBack(db, ...given),
    ),
  ];
};
