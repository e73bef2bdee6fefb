/** What was done to servers (nova/api/openstack/compute/instance_actions.py). */

import { hash } from 'node:crypto';
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { linkedPage, one, pageRequest } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';
import { type ActionEvent, type ActionFilter, getAction, listActions, type ServerAction } from '../servers/actions.ts';
import { findDeletedServer } from '../servers/deletion.ts';
import { getServer } from '../servers/store.ts';
import { checkQuery } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';

export const instanceActionPolicy = definePolicy({
  'os_compute_api:os-instance-actions:list': projectReader('List what was done to a server'),
  'os_compute_api:os-instance-actions:show': projectReader('Show one thing that was done to a server'),
  'os_compute_api:os-instance-actions:events': projectAdmin('Show why a step of what was done to a server failed'),
  'os_compute_api:os-instance-actions:events:details': projectAdmin('Show the details of such a step'),
});

const tracebacks = instanceActionPolicy['os_compute_api:os-instance-actions:events'];
const details = instanceActionPolicy['os_compute_api:os-instance-actions:events:details'];

export const instanceActionRoutes = (deps: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/os-instance-actions',
    rule: instanceActionPolicy['os_compute_api:os-instance-actions:list'],
    summary: 'List what was done to a server, newest first',
    status: 200,
    async handler({ ctx, params, query, request, version }) {
      const serverId = await subjectOf(deps, ctx, version, params.server_id ?? '');
      const isPaged = since(version, 2, 58);
      if (isPaged) checkQuery(version, query, ['limit', 'marker', 'changes-since', 'changes-before'], { since: 58 });
      const page = isPaged ? pageRequest(query) : { limit: 1000, marker: undefined };
      const { actions, more } = await listActions(deps.db, serverId, page, timesOf(query, version));
      const base = `${deps.url.versioned}/servers/${serverId}/os-instance-actions`;
      const views = actions.map((action) => actionView(action, version));
      const marker = actions.at(-1)?.requestId;
      const next = linkedPage('instanceActions', views, { more, marker, url: request.url, base, limit: page.limit });
      if (isPaged && 'instanceActions_links' in next) {
        const { instanceActions_links: links, ...rest } = next;
        return { ...rest, links };
      }
      return { instanceActions: views };
    },
  }),
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/os-instance-actions/{request_id}',
    rule: instanceActionPolicy['os_compute_api:os-instance-actions:show'],
    summary: 'Show one thing that was done to a server',
    status: 200,
    async handler({ ctx, params, version }) {
      const serverId = await subjectOf(deps, ctx, version, params.server_id ?? '');
      const action = await getAction(deps.db, serverId, params.request_id ?? '');
      const showsTracebacks = deps.enforcer.allows(ctx, tracebacks);
      // Before 2.51, events are for those who may see their tracebacks; then everybody sees that they happened.
      const showsEvents = showsTracebacks || since(version, 2, 51);
      const shown = { showsTracebacks, showsDetails: since(version, 2, 84) && deps.enforcer.allows(ctx, details) };
      const events = action.events.map((event) => eventView(event, action, ctx, version, shown));
      return { instanceAction: { ...actionView(action, version), ...(showsEvents && { events }) } };
    },
  }),
];

/** The server, also one that is gone, since 2.21. */
async function subjectOf({ db }: ComputeApiDeps, ctx: ProjectContext, version: Version, id: string): Promise<string> {
  try {
    return (await getServer(db, visibleTo(ctx), id)).id;
  } catch (error) {
    const isGone =
      error instanceof NotFound && since(version, 2, 21) && (await findDeletedServer(db, visibleTo(ctx), id));
    if (isGone) return id;
    throw error;
  }
}

function timesOf(query: Record<string, unknown>, version: Version): ActionFilter {
  const changesSince = since(version, 2, 58) ? timeOf(query, 'changes-since') : undefined;
  const changesBefore = since(version, 2, 66) ? timeOf(query, 'changes-before') : undefined;
  if (changesSince && changesBefore && changesSince > changesBefore)
    throw new BadRequest('The value of changes-since must be less than or equal to changes-before.');
  return { changesSince, changesBefore };
}

function timeOf(query: Record<string, unknown>, name: string): Date | undefined {
  const text = one(query[name]);
  if (text === undefined) return undefined;
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/.test(text);
  const time = new Date(hasZone ? text : `${text}Z`);
  if (Number.isNaN(time.getTime())) throw new BadRequest(`Invalid ${name} value: ${text}`);
  return time;
}

function actionView(action: ServerAction, version: Version) {
  return {
    action: action.action,
    instance_uuid: action.serverId,
    request_id: action.requestId,
    user_id: action.userId,
    project_id: action.projectId,
    start_time: isoMicros(action.startedAt),
    message: action.message,
    ...(since(version, 2, 58) && { updated_at: isoMicros(action.updatedAt) }),
  };
}

interface Shown {
  showsTracebacks: boolean;
  showsDetails: boolean;
}

function eventView(
  event: ActionEvent,
  { projectId }: ServerAction,
  ctx: ProjectContext,
  version: Version,
  { showsTracebacks, showsDetails }: Shown,
) {
  const { hostName } = event;
  return {
    event: event.event,
    start_time: isoMicros(event.startedAt),
    finish_time: event.finishedAt && isoMicros(event.finishedAt),
    result: event.result,
    ...(showsTracebacks && { traceback: event.traceback }),
    ...(since(version, 2, 62) && {
      // As in the server's own view: which of its servers share a host, and nothing more.
      hostId: hostName === null ? '' : hash('sha224', (projectId ?? '') + hostName),
      ...(ctx.isAdmin && { host: hostName }),
    }),
    ...(showsDetails && { details: event.traceback?.split('\n')[0] ?? null }),
  };
}
