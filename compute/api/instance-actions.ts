import { visibleTo } from '../../common/context.ts';
import { route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';
import { type ActionEvent, getAction, listActions, type ServerAction } from '../servers/actions.ts';
import { getServer } from '../servers/store.ts';
import type { ComputeApiDeps } from './deps.ts';

export const instanceActionPolicy = definePolicy({
  'os_compute_api:os-instance-actions:list': projectReader('List what was done to a server'),
  'os_compute_api:os-instance-actions:show': projectReader('Show one thing that was done to a server'),
  'os_compute_api:os-instance-actions:events': projectAdmin('Show the steps of what was done to a server'),
});

/** Before 2.51, events with their tracebacks are for those who may see them, and there is no other form of them. */
const events = instanceActionPolicy['os_compute_api:os-instance-actions:events'];

export const instanceActionRoutes = ({ db, enforcer }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/os-instance-actions',
    rule: instanceActionPolicy['os_compute_api:os-instance-actions:list'],
    summary: 'List what was done to a server, newest first',
    status: 200,
    async handler({ ctx, params }) {
      const server = await getServer(db, visibleTo(ctx), params.server_id ?? '');
      return { instanceActions: (await listActions(db, server.id)).map(actionView) };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/os-instance-actions/{request_id}',
    rule: instanceActionPolicy['os_compute_api:os-instance-actions:show'],
    summary: 'Show one thing that was done to a server',
    status: 200,
    async handler({ ctx, params }) {
      const server = await getServer(db, visibleTo(ctx), params.server_id ?? '');
      const action = await getAction(db, server.id, params.request_id ?? '');
      return {
        instanceAction: { ...actionView(action), ...(enforcer.allows(ctx, events) && eventsView(action.events)) },
      };
    },
  }),
];

function actionView(action: ServerAction) {
  return {
    action: action.action,
    instance_uuid: action.serverId,
    request_id: action.requestId,
    user_id: action.userId,
    project_id: action.projectId,
    start_time: isoMicros(action.startedAt),
    message: action.message,
  };
}

function eventsView(events: readonly ActionEvent[]) {
  return {
    events: events.map((event) => ({
      event: event.event,
      start_time: isoMicros(event.startedAt),
      finish_time: event.finishedAt && isoMicros(event.finishedAt),
      result: event.result,
      traceback: event.traceback,
    })),
  };
}
