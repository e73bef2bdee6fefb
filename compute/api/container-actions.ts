import { BadRequest } from '../../common/errors.ts';
import { flag, one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectMember } from '../../common/policy/rules.ts';
import { splitWords } from '../containers/command-line.ts';
import {
  containerLogs,
  executeInContainer,
  killContainer,
  rebootContainer,
  startContainer,
  stopContainer,
} from '../containers/operations.ts';
import { graceSeconds, logOptions, refuseUnknown } from './container-query.ts';
import { required } from './containers.ts';
import type { ContainersApiDeps } from './containers-deps.ts';

export const containerActionPolicy = definePolicy({
  'container:start': projectMember('Start a container'),
  'container:stop': projectMember('Stop a container'),
  'container:reboot': projectMember('Stop and start a container'),
  'container:kill': projectMember('Kill a container'),
  'container:logs': projectMember('Read what a container wrote'),
  'container:execute': projectMember('Run a command inside a container'),
});

const signalOnly = new Set(['signal']);
const killing = new Set(['None', 'SIGKILL', 'KILL', 'sigkill', 'kill', '9']);
const executionParameters = new Set(['command', 'run', 'interactive']);

const path = (action: string) => `/v1/containers/{container_ident}/${action}`;

/** What they are told is in the query; a body, as some clients send one, says nothing. */
export const containerActionRoutes = (deps: ContainersApiDeps) => [
  route({
    method: 'POST',
    path: path('start'),
    rule: containerActionPolicy['container:start'],
    summary: 'Start a container',
    status: 202,
    async handler({ ctx, params }, h) {
      await startContainer(deps, ctx, params.container_ident ?? '');
      return h.response().code(202);
    },
  }),
  route({
    method: 'POST',
    path: path('stop'),
    rule: containerActionPolicy['container:stop'],
    summary: 'Stop a container, within timeout seconds',
    status: 202,
    async handler({ ctx, params, query }, h) {
      await stopContainer(deps, ctx, params.container_ident ?? '', graceSeconds(query));
      return h.response().code(202);
    },
  }),
  route({
    method: 'POST',
    path: path('reboot'),
    rule: containerActionPolicy['container:reboot'],
    summary: 'Stop a container, within timeout seconds, and start it again',
    status: 202,
    async handler({ ctx, params, query }, h) {
      await rebootContainer(deps, ctx, params.container_ident ?? '', graceSeconds(query));
      return h.response().code(202);
    },
  }),
  route({
    method: 'POST',
    path: path('kill'),
    rule: containerActionPolicy['container:kill'],
    summary: 'Kill a container; SIGKILL is the only signal that can be sent',
    status: 202,
    async handler({ ctx, params, query }, h) {
      refuseUnknown(query, signalOnly);
      const signal = one(query.signal) ?? 'SIGKILL';
      if (!killing.has(signal))
        throw new BadRequest(
          `Signal ${signal} cannot be sent to containers, only SIGKILL; stop the container instead.`,
        );
      await killContainer(deps, ctx, params.container_ident ?? '');
      return h.response().code(202);
    },
  }),
  route({
    method: 'GET',
    path: path('logs'),
    rule: containerActionPolicy['container:logs'],
    summary: 'Read what a container wrote',
    status: 200,
    async handler({ ctx, params, query }, h) {
      const text = await containerLogs(deps, ctx, params.container_ident ?? '', logOptions(query));
      return h.response(JSON.stringify(text)).type('application/json'); // Zun answers a JSON string
    },
  }),
  route({
    method: 'POST',
    path: path('execute'),
    rule: containerActionPolicy['container:execute'],
    summary: 'Run a command inside a container and wait for its end',
    withoutKey: 'what is run in a container is no row that could be taken back',
    status: 200,
    async handler({ ctx, params, query }) {
      refuseUnknown(query, executionParameters);
      if (flag(query.interactive, 'interactive') || flag(query.run, 'run') === false)
        throw new BadRequest('Commands cannot be interactive yet: they run to their end and answer their output.');
      const command = splitWords(required(query, 'command'));
      const { output, exitCode } = await executeInContainer(deps, ctx, params.container_ident ?? '', command);
      return { output, exit_code: exitCode, exec_id: null, token: null };
    },
  }),
];
