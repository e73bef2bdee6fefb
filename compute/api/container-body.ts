/** What a container can be asked to be (zun/api/controllers/v1/schemas/containers.py), and what of it is refused here and why. */

import { isIP } from 'node:net';
import { type Static, type TSchema, Type } from 'typebox';
import type { ProjectContext } from '../../common/context.ts';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { isYes } from '../../common/truth.ts';
import { splitWords } from '../containers/command-line.ts';
import type { NetworkRequest, NewContainer } from '../containers/create.ts';
import { containerBounds, defaultContainer } from '../limits.ts';
import type { ContainersApiDeps } from './containers-deps.ts';
import { needsVersion } from './containers-versions.ts';
import { closed } from './fields.ts';

export const containerCreationPolicy = definePolicy({
  'container:create:privileged': { ...projectAdmin('Create a container with privileges; nobody may'), check: '!' },
  'container:create:requested_destination': projectAdmin('Choose the host of a container'),
});

const nullable = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const text = (maxLength: number) => Type.String({ maxLength, pattern: '^[^\\u0000]*$' });
/** A boolean, or one as a word. */
const Flag = Type.Union([Type.Boolean(), Type.String({ pattern: '^([Tt]rue|[Ff]alse)$' })]);
const anything = nullable(Type.Object({}));
const Words = Type.Array(text(131_072), { maxItems: 1024 });
const TextMap = (key: string) => Type.Record(Type.String({ pattern: key }), text(65_536), closed);

export const CreateContainer = Type.Object(
  {
    name: nullable(Type.String({ minLength: 2, maxLength: 255, pattern: '^[a-zA-Z0-9][a-zA-Z0-9_.-]+$' })),
    image: Type.String({ minLength: 2, maxLength: 255, pattern: '^[^\\u0000]*$' }),
    image_driver: nullable(text(32)),
    image_pull_policy: nullable(Type.String({ pattern: '^(never|always|ifnotpresent|Never|Always|IfNotPresent)$' })),
    command: nullable(Type.Union([text(131_072), Words])),
    cpu: nullable(
      Type.Union([Type.Number(), Type.String({ maxLength: 16, pattern: '^([0-9]+(\\.[0-9]+)?|\\.[0-9]+)$' })]),
    ),
    cpu_policy: nullable(Type.String({ pattern: '^(dedicated|shared)$' })),
    memory: nullable(Type.Union([Type.Integer(), Type.String({ pattern: '^[0-9]{1,9}$' })])),
    disk: nullable(Type.Union([Type.Integer(), Type.String({ pattern: '^[0-9]{1,9}$' })])),
    environment: nullable(TextMap('^[^=\\u0000]{1,1024}$')),
    workdir: nullable(text(4096)),
    labels: nullable(TextMap('^[^\\u0000]{1,1024}$')),
    hostname: nullable(
      Type.String({ minLength: 1, maxLength: 63, pattern: '^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$' }),
    ),
    interactive: nullable(Flag),
    tty: nullable(Flag),
    auto_remove: nullable(Flag),
    auto_heal: nullable(Flag),
    privileged: nullable(Flag),
    restart_policy: nullable(
      Type.Object(
        {
          Name: Type.Union([
            Type.Literal('no'),
            Type.Literal('always'),
            Type.Literal('on-failure'),
            Type.Literal('unless-stopped'),
          ]),
          MaximumRetryCount: nullable(
            Type.Union([Type.Integer({ minimum: 0, maximum: 1_000_000 }), Type.String({ pattern: '^[0-9]{1,6}$' })]),
          ),
        },
        closed,
      ),
    ),
    nets: nullable(
      Type.Array(
        Type.Object(
          {
            network: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000]*$' })),
            port: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
            'v4-fixed-ip': Type.Optional(Type.String({ maxLength: 15 })),
            'v6-fixed-ip': Type.Optional(Type.String({ maxLength: 45 })),
          },
          closed,
        ),
        { maxItems: 8 },
      ),
    ),
    security_groups: nullable(Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 64 })),
    availability_zone: nullable(Type.String({ minLength: 1, maxLength: 255 })),
    host: nullable(Type.String({ minLength: 1, maxLength: 255 })),
    // What is known and cannot be had, so that it is refused by its name.
    runtime: nullable(text(255)),
    registry: nullable(text(255)),
    entrypoint: nullable(Type.Array(Type.Unknown(), { maxItems: 1024 })),
    hints: anything,
    healthcheck: anything,
    exposed_ports: anything,
    mounts: nullable(Type.Array(Type.Unknown(), { maxItems: 64 })),
  },
  closed,
);

type Asked = Static<typeof CreateContainer>;

/** Throws `BadRequest` for what does not make sense or cannot be had, `Forbidden` for what the caller may not ask for. */
export function newContainer(
  { enforcer }: ContainersApiDeps,
  ctx: ProjectContext,
  version: Version,
  asked: Asked,
  isStarted: boolean,
): NewContainer {
  refuseAbsent(asked);
  checkVersions(version, asked);
  if (isYes(asked.privileged)) enforcer.authorize(ctx, containerCreationPolicy['container:create:privileged']);
  if (asked.host) enforcer.authorize(ctx, containerCreationPolicy['container:create:requested_destination']);
  const isInteractive = isYes(asked.interactive);
  const tellsTty = !since(version, 1, 20) || since(version, 1, 36);
  const restartPolicy = restartPolicyOf(asked.restart_policy);
  const isAutoRemoved = isYes(asked.auto_remove);
  if (isAutoRemoved && restartPolicy.name !== 'no')
    throw new BadRequest('auto_remove and restart_policy cannot be used together.');
  return {
    name: asked.name ?? null,
    image: asked.image,
    command: commandOf(version, asked.command ?? null),
    environment: asked.environment ?? {},
    workingDirectory: asked.workdir || null,
    labels: asked.labels ?? {},
    hostname: asked.hostname ?? null,
    cpus: within('cpu', Number(asked.cpu ?? defaultContainer.cpus), containerBounds.cpus),
    memoryMib: within('memory', Number(asked.memory ?? defaultContainer.memoryMib), containerBounds.memoryMib),
    isInteractive,
    hasTty: tellsTty || asked.interactive == null ? isYes(asked.tty) : isInteractive,
    imagePullPolicy: asked.image_pull_policy?.toLowerCase() ?? null,
    restartPolicy,
    isAutoRemoved,
    networks: (asked.nets ?? []).map(networkRequest),
    securityGroups: asked.security_groups?.length ? asked.security_groups : undefined,
    availabilityZone: asked.availability_zone ?? null,
    hostName: asked.host ?? null,
    isStarted,
  };
}

/** Never ignored in silence: whoever asks for it would believe to have it. */
function refuseAbsent(asked: Asked): void {
  const refuse = (name: string, why: string) => {
    throw new BadRequest(`Invalid input for field/attribute ${name}: ${why}.`);
  };
  const hasAny = (value: object | null | undefined) => value != null && Object.keys(value).length > 0;
  if (asked.image_driver && !['glance', 'None'].includes(asked.image_driver))
    refuse('image_driver', `images come from the image service, glance, and not from ${asked.image_driver}`);
  if (asked.image_pull_policy && asked.image_pull_policy.toLowerCase() !== 'ifnotpresent')
    refuse('image_pull_policy', 'images never change, so they are fetched if they are not present');
  if (asked.runtime) refuse('runtime', 'the runtime of containers is the choice of their host');
  if (asked.registry) refuse('registry', 'images come from the image service and not from registries');
  if (asked.entrypoint?.length) refuse('entrypoint', 'the entrypoint is that of the image; give a command instead');
  if (asked.cpu_policy === 'dedicated') refuse('cpu_policy', 'processors cannot be dedicated to a container');
  if (asked.disk != null) refuse('disk', 'the disk of a container cannot be limited');
  if (hasAny(asked.mounts)) refuse('mounts', 'nothing can be mounted into containers yet');
  if (hasAny(asked.healthcheck)) refuse('healthcheck', 'health checks do not exist yet');
  if (hasAny(asked.exposed_ports)) refuse('exposed_ports', 'open ports by the rules of a security group');
  if (hasAny(asked.hints)) refuse('hints', 'the scheduler takes no hints');
}

function checkVersions(version: Version, asked: Asked): void {
  if (asked.nets?.length) needsVersion(version, 'nets', 1, 2);
  if (asked.auto_remove != null) needsVersion(version, 'auto_remove', 1, 3);
  if (asked.hostname != null) needsVersion(version, 'hostname', 1, 9);
  if (asked.privileged != null) needsVersion(version, 'privileged', 1, 21);
  if (asked.host != null) needsVersion(version, 'host', 1, 39);
}

/** A line to split before 1.20, the words themselves from then on. None at all is the image's own. */
function commandOf(version: Version, asked: string | string[] | null): string[] | null {
  if (asked === null) return null;
  if (Array.isArray(asked) === since(version, 1, 20)) {
    const words = Array.isArray(asked) ? asked : splitWords(asked);
    return words.length > 0 ? words : null;
  }
  const form = Array.isArray(asked) ? 'a string before version 1.20' : 'a list of strings from version 1.20 on';
  throw new BadRequest(`Invalid input for field/attribute command: it is ${form}.`);
}

function networkRequest(asked: NonNullable<Asked['nets']>[number]): NetworkRequest {
  const { network, port, 'v4-fixed-ip': v4, 'v6-fixed-ip': v6 } = asked;
  const refuse = (why: string) => new BadRequest(`Invalid input for field/attribute nets: ${why}.`);
  if ((network === undefined) === (port === undefined)) throw refuse('each names a network or a port');
  if (v4 !== undefined && v6 !== undefined) throw refuse('one address can be chosen, make a port for more');
  if (v4 !== undefined && isIP(v4) !== 4) throw refuse(`${v4} is no IPv4 address`);
  if (v6 !== undefined && isIP(v6) !== 6) throw refuse(`${v6} is no IPv6 address`);
  const fixedIp = v4 ?? v6;
  if (port !== undefined && fixedIp !== undefined) throw refuse('a port has its addresses already');
  return { network, portId: port, fixedIp };
}

function restartPolicyOf(asked: Asked['restart_policy']): NewContainer['restartPolicy'] {
  const name = asked?.Name ?? 'no';
  const retries = Number(asked?.MaximumRetryCount ?? 0);
  if (retries !== 0 && (name === 'always' || name === 'unless-stopped'))
    throw new BadRequest(`maximum retry count not valid with restart policy of ${name}`);
  return { name, maximumRetries: name === 'on-failure' ? retries : 0 };
}

function within(name: string, value: number, { least, most }: { least: number; most: number }): number {
  if (value >= least && value <= most) return value;
  throw new BadRequest(`Invalid input for field/attribute ${name}: it is between ${least} and ${most}.`);
}
