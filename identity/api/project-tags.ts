import { Type } from 'typebox';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { validator } from '../../common/http/validate.ts';
import { anyScope, definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { changeDomain } from '../domains/operations.ts';
import { findDomain } from '../domains/store.ts';
import { changeProject } from '../projects/operations.ts';
import { findProject, getProject } from '../projects/store.ts';
import { tag, tagList, trimmedTags } from './fields.ts';
import { domainManagers } from './personas.ts';
import { projectTarget } from './targets.ts';

const readers = (description: string) =>
  ({
    check:
      'rule:admin_required or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.project.domain_id)s) or project_id:%(target.project.id)s',
    scopes: anyScope,
    description,
  }) as const;
const managers = (description: string) => domainManagers('target.project.domain_id', description);

export const projectTagPolicy = definePolicy({
  'identity:list_project_tags': readers('List the tags of a project'),
  'identity:get_project_tag': readers('Check whether a project has a tag'),
  'identity:update_project_tags': managers('Replace the tags of a project'),
  'identity:create_project_tag': managers('Add a tag to a project'),
  'identity:delete_project_tags': managers('Remove all tags from a project'),
  'identity:delete_project_tag': managers('Remove a tag from a project'),
});

const ReplaceTags = Type.Object({ tags: tagList }, { additionalProperties: false });
const checkTag = validator(Type.Object({ tag }), 'body');
const most = 80;

export const projectTagRoutes = (deps: IdentityDeps) => {
  const target = projectTarget(deps);
  const base = '/v3/projects/{project_id}/tags';
  const url = (id: string) => `${identityUrl(deps)}/projects/${id}/tags`;

  /** Of a project, or of a domain that acts as one. */
  const tagsOf = async (id: string) =>
    (await findProject(deps.db, id))?.tags ??
    (await findDomain(deps.db, id))?.tags ??
    (await getProject(deps.db, id)).tags;
  const change = async (id: string, next: (before: string[]) => string[]) => {
    const changes = ({ tags }: { tags: string[] }) => ({ tags: next(tags) });
    const isDomain = (await findDomain(deps.db, id)) !== undefined;
    const { tags } = isDomain ? await changeDomain(deps, id, changes) : await changeProject(deps, id, changes);
    return tags;
  };
  const view = (id: string, tags: string[]) => ({ tags, links: { self: url(id) } });
  const missing = (value: string) => new NotFound('project tag', value);

  return [
    route({
      method: 'GET',
      path: base,
      rule: projectTagPolicy['identity:list_project_tags'],
      summary: 'List the tags of a project',
      target,
      status: 200,
      handler: async ({ params: { project_id: id = '' } }) => view(id, await tagsOf(id)),
    }),
    route({
      method: 'PUT',
      path: base,
      rule: projectTagPolicy['identity:update_project_tags'],
      summary: 'Replace the tags of a project',
      target,
      body: ReplaceTags,
      status: 200,
      async handler({ params: { project_id: id = '' }, body }) {
        const tags = trimmedTags(body.tags);
        return view(id, await change(id, () => tags));
      },
    }),
    route({
      method: 'DELETE',
      path: base,
      rule: projectTagPolicy['identity:delete_project_tags'],
      summary: 'Remove all tags from a project',
      target,
      status: 204,
      async handler({ params: { project_id: id = '' } }, h) {
        await change(id, () => []);
        return noContent(h);
      },
    }),
    route({
      method: 'GET',
      path: `${base}/{value}`,
      rule: projectTagPolicy['identity:get_project_tag'],
      summary: 'Check whether a project has a tag',
      target,
      status: 204,
      async handler({ params: { project_id: id = '', value = '' } }, h) {
        if (!(await tagsOf(id)).includes(value)) throw missing(value);
        return noContent(h);
      },
    }),
    route({
      method: 'PUT',
      path: `${base}/{value}`,
      rule: projectTagPolicy['identity:create_project_tag'],
      summary: 'Add a tag to a project',
      target,
      status: 201,
      async handler({ params: { project_id: id = '', value = '' } }, h) {
        checkTag({ tag: value });
        const added = value.trim();
        await change(id, (before) => {
          if (before.includes(added)) return before;
          if (before.length >= most) throw new BadRequest(`A project has at most ${most} tags.`);
          return [...before, added];
        });
        return h
          .response()
          .code(201)
          .header('location', `${url(id)}/${encodeURIComponent(added)}`);
      },
    }),
    route({
      method: 'DELETE',
      path: `${base}/{value}`,
      rule: projectTagPolicy['identity:delete_project_tag'],
      summary: 'Remove a tag from a project',
      target,
      status: 204,
      async handler({ params: { project_id: id = '', value = '' } }, h) {
        await change(id, (before) => {
          if (!before.includes(value)) throw missing(value);
          return before.filter((one) => one !== value);
        });
        return noContent(h);
      },
    }),
  ];
};
