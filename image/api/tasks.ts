import { visibleTo } from '../../common/context.ts';
import { sortKeys } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import { nextHref, one, pageRequest } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isoSeconds } from '../../common/http/time.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { imagePolicy } from '../images/policy.ts';
import { getImage } from '../images/store.ts';
import { taskPolicy } from '../tasks/policy.ts';
import { getTask, listTasks, listTasksOfImage, newestTaskFirst, taskSortColumns } from '../tasks/store.ts';
import { type Task, type TaskStatus, taskStatuses } from '../tasks/task.ts';

/** Glance's default limit_param_default. */
const defaultLimit = '25';

export const taskRoutes = ({ db }: ImageModuleDeps) => [
  route({
    method: 'GET',
    path: '/v2/images/{image_id}/tasks',
    rule: imagePolicy.get_image,
    summary: 'List the tasks of an image',
    status: 200,
    async handler({ ctx, params }) {
      const image = await getImage(db, visibleTo(ctx), params.image_id!);
      return { tasks: (await listTasksOfImage(db, visibleTo(ctx), image.id)).map(taskView) };
    },
  }),
  route({
    method: 'GET',
    path: '/v2/tasks',
    rule: taskPolicy.tasks_api_access,
    summary: 'List tasks',
    status: 200,
    async handler({ ctx, query, request }) {
      const page = pageRequest({ limit: defaultLimit, ...query });
      const keys = sortKeys(query, taskSortColumns, newestTaskFirst);
      const { tasks, more } = await listTasks(db, visibleTo(ctx), filterOf(query), page, keys);
      const first = new URLSearchParams(request.url.search);
      first.delete('marker');
      const last = tasks.at(-1);
      return {
        tasks: tasks.map(briefView),
        first: first.size > 0 ? `/v2/tasks?${first}` : '/v2/tasks',
        schema: '/v2/schemas/tasks',
        ...(more && last && { next: nextHref(request.url, '/v2/tasks', last.id, page.limit) }),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/v2/tasks/{task_id}',
    rule: taskPolicy.tasks_api_access,
    summary: 'Show a task',
    status: 200,
    handler: async ({ ctx, params }) => taskView(await getTask(db, visibleTo(ctx), params.task_id!)),
  }),
];

function filterOf(query: Record<string, string | string[]>): { status?: TaskStatus; owner?: string } {
  const asked = one(query.status);
  const status = taskStatuses.find((word) => word === asked);
  if (asked !== undefined && status === undefined) throw new BadRequest(`Invalid status value: ${asked}`);
  const type = one(query.type);
  if (type !== undefined && type !== taskType) throw new BadRequest(`Invalid type value: ${type}`);
  const owner = one(query.owner);
  return { ...(status !== undefined && { status }), ...(owner !== undefined && { owner }) };
}

/** Glance's name for an import by `POST /v2/images/{id}/import`. */
const taskType = 'api_image_import';

/** As lists show it. */
function briefView(task: Task) {
  return {
    id: task.id,
    type: taskType,
    status: task.status,
    owner: task.owner,
    ...(task.expiresAt && { expires_at: isoSeconds(task.expiresAt) }),
    created_at: isoSeconds(task.createdAt),
    updated_at: isoSeconds(task.updatedAt),
    self: `/v2/tasks/${task.id}`,
    schema: '/v2/schemas/task',
  };
}

function taskView(task: Task) {
  return {
    ...briefView(task),
    image_id: task.imageId,
    request_id: task.requestId,
    user_id: task.userId,
    input: {
      image_id: task.imageId,
      import_req: { method: task.method, all_stores_must_succeed: task.allStoresMustSucceed },
      backend: task.stores,
    },
    result: task.status === 'success' ? { image_id: task.imageId } : null,
    message: task.message,
  };
}

const text = { type: 'string' };
const textOrNone = { type: ['null', 'string'] };
const brief = {
  id: { ...text, description: 'An identifier for the task' },
  type: { ...text, enum: [taskType], description: 'The type of task represented by this content' },
  status: { ...text, enum: [...taskStatuses], description: 'The current status of this task' },
  owner: { ...text, description: 'An identifier for the owner of this task' },
  expires_at: { ...textOrNone, description: 'Datetime when this resource would be subject to removal' },
  created_at: { ...text, description: 'Datetime when this resource was created' },
  updated_at: { ...text, description: 'Datetime when this resource was updated' },
  self: { ...text, readOnly: true },
  schema: { ...text, readOnly: true },
};

/** What a task in a list has. */
export const briefTaskSchema = { name: 'task', properties: brief };
export const taskSchema = {
  name: 'task',
  properties: {
    ...brief,
    image_id: { ...text, description: 'Image associated with the task' },
    request_id: { ...text, description: 'Human-readable informative request-id' },
    user_id: { ...text, description: 'User associated with the task' },
    input: { type: 'object', description: 'The parameters required by task, JSON blob' },
    result: { type: ['null', 'object'], description: 'The result of current task, JSON blob' },
    message: { ...text, description: 'Human-readable informative message only included when appropriate' },
  },
};
