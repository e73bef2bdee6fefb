import type { Context } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import type { Target } from '../../common/policy/check-string.ts';
import { reachesCloud } from '../assignments/administrators.ts';

/**
 * What rules know of the object that a request is about, by keystone's attribute names. An object that is not there has no
 * domain, so only those who may see everything are told so.
 */
type Params = Record<string, string>;

async function domainOf(db: Knex, table: 'users' | 'groups' | 'projects', id: string): Promise<string | undefined> {
  if (id.includes('\0')) return undefined;
  return (await db(table).where({ id }).first('domain_id'))?.domain_id;
}

/** `target.user.id` and `target.user.domain_id`, of the path's `{user_id}`. */
export const userTarget =
  ({ db }: { db: Knex }) =>
  async ({ user_id = '' }: Params): Promise<Target> => ({
    'target.user.id': user_id,
    'target.user.domain_id': await domainOf(db, 'users', user_id),
  });

/**
 * The same for a rule that changes the user. One who reaches the whole cloud belongs to no domain here: keystone lets whoever
 * manages their domain set their password, and so become them.
 */
export const changedUserTarget =
  ({ db }: { db: Knex }) =>
  async (params: Params): Promise<Target> => {
    const target = await userTarget({ db })(params);
    const isBeyond = await reachesCloud(db, { userId: params.user_id ?? '' });
    return isBeyond ? { 'target.user.id': params.user_id } : target;
  };

/** And for a rule that changes a group, or who is in it: whoever is put in has what the group has. */
export const changedGroupTarget =
  ({ db }: { db: Knex }) =>
  async (params: Params): Promise<Target> => {
    const isBeyond = await reachesCloud(db, { groupId: params.group_id ?? '' });
    return isBeyond ? { 'target.group.id': params.group_id } : groupTarget({ db })(params);
  };

/** `target.group.id` and `target.group.domain_id`, of the path's `{group_id}`. */
export const groupTarget =
  ({ db }: { db: Knex }) =>
  async ({ group_id = '' }: Params): Promise<Target> => ({
    'target.group.id': group_id,
    'target.group.domain_id': await domainOf(db, 'groups', group_id),
  });

/** `target.project.id` and `target.project.domain_id`, of the path's `{project_id}`. */
export const projectTarget =
  ({ db }: { db: Knex }) =>
  async ({ project_id = '' }: Params): Promise<Target> => ({
    'target.project.id': project_id,
    'target.project.domain_id': await domainOf(db, 'projects', project_id),
  });

/**
 * `target.domain.id`, of the path's `{domain_id}`; `target.domain.project_id` is the caller's project if that is in it
 * (keystone's `token.project.domain.id:%(target.domain.id)s`).
 */
export const domainTarget =
  ({ db }: { db: Knex }) =>
  async ({ domain_id = '' }: Params, { projectId }: Context): Promise<Target> => {
    const isOwn = projectId !== null && (await domainOf(db, 'projects', projectId)) === domain_id;
    return { 'target.domain.id': domain_id, 'target.domain.project_id': isOwn ? projectId : undefined };
  };

/** For lists and for what is yet to be made: an attribute that is the domain that the token is for. */
export const ownDomain =
  (attribute: string) =>
  (_: unknown, { domainId }: Context): Target => ({ [attribute]: domainId ?? undefined });
