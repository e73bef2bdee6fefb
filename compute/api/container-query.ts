/** What the queries of containers can say (zun/api/controllers/v1/containers.py). What is not known there is refused there, and here. */
import type { ProjectContext, Visible } from '../../common/context.ts';
import { visibleTo } from '../../common/context.ts';
import { sortKeys } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import { flag, one, type PageRequest, pageRequest } from '../../common/http/page.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import type { LogOptions } from '../containers/host-methods.ts';
import type { ContainerFilter } from '../containers/store.ts';
import { containerGraceSeconds } from '../limits.ts';
import type { ContainersApiDeps } from './containers-deps.ts';

type Query = Record<string, string | string[]>;

export const containerScopePolicy = definePolicy({
  'container:get_all_all_projects': projectAdmin('List the containers of all projects'),
  'container:get_one_all_projects': projectAdmin('Show a container of any project'),
  'container:delete_all_projects': projectAdmin('Delete a container of any project'),
});

const sortable = {
  id: 'containers.number',
  uuid: 'containers.id',
  name: 'containers.name',
  image: 'containers.image_ref',
  cpu: 'containers.cpus',
  memory: 'containers.memory_mib',
  user_id: 'containers.user_id',
  project_id: 'containers.project_id',
  created_at: 'containers.created_at',
  updated_at: 'containers.updated_at',
};

const filters = ['name', 'image', 'project_id', 'user_id', 'memory', 'host', 'task_state', 'status', 'auto_remove'];
const listParameters = new Set(['all_projects', 'limit', 'marker', 'sort_key', 'sort_dir', ...filters]);

export function refuseUnknown(query: Query, known: ReadonlySet<string>): void {
  const unknown = Object.keys(query).filter((name) => !known.has(name));
  if (unknown.length > 0) throw new BadRequest(`Unknown parameters: ${unknown.join(', ')}`);
}

export function containerSort(query: Query) {
  return sortKeys(query, sortable, [{ column: 'containers.number', direction: 'asc' }]);
}

export function containerPage(query: Query): PageRequest {
  const page = pageRequest(query);
  if (page.limit === 0) throw new BadRequest('Limit must be positive integer');
  return page;
}

/** Lists show the caller's project, to administrators too, unless they ask for all. */
export function listScope({ enforcer }: ContainersApiDeps, ctx: ProjectContext, query: Query): Visible {
  if (!flag(query.all_projects, 'all_projects')) return { projectId: ctx.projectId };
  enforcer.authorize(ctx, containerScopePolicy['container:get_all_all_projects']);
  return 'everyone';
}

/** One container is found by administrators in every project anyway, as in Zun; others may not even ask for it. */
export function checkAllProjects(
  { enforcer }: ContainersApiDeps,
  ctx: ProjectContext,
  query: Query,
  rule: 'container:get_one_all_projects' | 'container:delete_all_projects',
): Visible {
  if (flag(query.all_projects, 'all_projects')) enforcer.authorize(ctx, containerScopePolicy[rule]);
  return visibleTo(ctx);
}

export function containerFilter(query: Query): ContainerFilter {
  refuseUnknown(query, listParameters);
  if (one(query.task_state)) throw new BadRequest('Filtering by task_state is not supported; filter by status.');
  const memory = one(query.memory);
  if (memory !== undefined && !/^[0-9]{1,9}$/.test(memory))
    throw new BadRequest(`Invalid input for query parameter memory. Value: ${memory} is no number of MiB.`);
  return {
    name: one(query.name),
    imageRef: one(query.image),
    projectId: one(query.project_id),
    userId: one(query.user_id),
    memoryMib: memory === undefined ? undefined : Number(memory),
    hostName: one(query.host),
    status: one(query.status),
    isAutoRemoved: flag(query.auto_remove, 'auto_remove'),
  };
}

const timeoutOnly = new Set(['timeout']);

/** Seconds that a container may take to stop. */
export function graceSeconds(query: Query): number {
  refuseUnknown(query, timeoutOnly);
  const asked = one(query.timeout);
  if (asked === undefined || asked === 'None') return containerGraceSeconds.usual;
  if (!/^[0-9]{1,9}$/.test(asked) || Number(asked) > containerGraceSeconds.most)
    throw new BadRequest(
      `Invalid input for query parameter timeout. Value: ${asked}; it is 0 to ${containerGraceSeconds.most} seconds.`,
    );
  return Number(asked);
}

const logParameters = new Set(['stdout', 'stderr', 'timestamps', 'tail', 'since']);

export function logOptions(query: Query): LogOptions {
  refuseUnknown(query, logParameters);
  const tail = one(query.tail) ?? 'all';
  if (tail !== 'all' && !/^[0-9]{1,9}$/.test(tail))
    throw new BadRequest(`Invalid input for query parameter tail. Value: ${tail} is no number of lines.`);
  return {
    stdout: flag(query.stdout, 'stdout') ?? true,
    stderr: flag(query.stderr, 'stderr') ?? true,
    timestamps: flag(query.timestamps, 'timestamps') ?? false,
    tail: tail === 'all' ? 'all' : Number(tail),
    sinceSeconds: secondsOf(one(query.since)),
  };
}

/** Seconds since 1970, or a time such as `2017-01-01 00:00:00,000`, in UTC. */
function secondsOf(since: string | undefined): number {
  if (since === undefined || since === '' || since === 'None') return 0;
  if (/^[0-9]{1,11}$/.test(since)) return Number(since);
  const form = /^([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}),[0-9]{1,3}$/.exec(since);
  const time = form ? Date.parse(`${form[1]}T${form[2]}Z`) : Number.NaN;
  if (Number.isNaN(time)) throw new BadRequest(`Invalid input for query parameter since. Value: ${since} is no time.`);
  return Math.floor(time / 1000);
}
