/** The JSON of containers, field by field (zun/api/controllers/v1/views/containers_view.py). */
import type { ProjectContext } from '../../common/context.ts';
import { spacedWithOffset } from '../../common/http/time.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { addressesOf, type GuestAddress, securityGroupIdsOf } from '../../network/ports.ts';
import { type Container, statusDetailOf, statusOf, taskStateOf } from '../containers/container.ts';
import type { ContainersApiDeps } from './containers-deps.ts';
import { containerLinks } from './containers-versions.ts';

/** What is of the operator's business. */
export const containerAttributePolicy = definePolicy({
  'container:get_one:host': projectAdmin('See on which host a container is'),
  'container:get_one:image_pull_policy': projectAdmin('See how the image of a container is fetched'),
  'container:get_one:privileged': projectAdmin('See whether a container has privileges'),
  'container:get_one:runtime': projectAdmin('See which runtime runs a container'),
});

/** Views of any number of containers, with one query for each kind of thing they show. */
export async function containerViews(
  { db, url, enforcer }: ContainersApiDeps,
  ctx: ProjectContext,
  containers: readonly Container[],
): Promise<object[]> {
  const ids = containers.map((container) => container.id);
  const addresses = await addressesOf(db, ids);
  const groups = await securityGroupIdsOf(db, ids);
  const shows = (name: keyof typeof containerAttributePolicy) => enforcer.allows(ctx, containerAttributePolicy[name]);
  return containers.map((container) => ({
    uuid: container.id,
    links: containerLinks(url, container.id),
    user_id: container.userId,
    project_id: container.projectId,
    name: container.name,
    image: container.imageRef,
    image_driver: 'glance',
    command: container.command ?? container.observedCommand,
    status: statusOf(container),
    status_reason: reasonOf(container),
    status_detail: statusDetailOf(container),
    task_state: taskStateOf(container),
    cpu: container.cpus,
    cpu_policy: 'shared',
    memory: String(container.memoryMib),
    disk: null,
    environment: container.environment,
    workdir: container.workingDirectory,
    ports: [],
    hostname: container.hostname,
    labels: container.labels,
    addresses: addressView(addresses.get(container.id) ?? []),
    security_groups: groups.get(container.id) ?? [],
    restart_policy: { Name: container.restartPolicy, MaximumRetryCount: String(container.maximumRetries) },
    interactive: container.isInteractive,
    tty: container.hasTty,
    auto_remove: container.isAutoRemoved,
    auto_heal: true, // every container that is lost is made again
    healthcheck: null,
    registry_id: null,
    entrypoint: null,
    created_at: spacedWithOffset(container.createdAt),
    updated_at: spacedWithOffset(container.updatedAt),
    ...(shows('container:get_one:host') && { host: container.hostName }),
    ...(shows('container:get_one:image_pull_policy') && { image_pull_policy: container.imagePullPolicy }),
    ...(shows('container:get_one:privileged') && { privileged: false }),
    ...(shows('container:get_one:runtime') && { runtime: 'runc' }),
  }));
}

/** Also while it is still being tried: whoever waits can read what for. */
function reasonOf(container: Container): string | null {
  if (container.unplacedReason !== null) return container.unplacedReason;
  return container.isFaulty || container.failingSince !== null ? container.faultMessage : null;
}

/** By network id, in the order of the ports; Zun shows no floating addresses. */
function addressView(addresses: readonly GuestAddress[]) {
  const byNetwork: Record<string, object[]> = {};
  for (const { networkId, portId, address, version, subnetId, type, isPortOfGuest } of addresses) {
    if (type !== 'fixed') continue;
    byNetwork[networkId] ??= [];
    byNetwork[networkId].push({
      addr: address,
      version,
      port: portId,
      subnet_id: subnetId,
      preserve_on_delete: !isPortOfGuest,
    });
  }
  return byNetwork;
}
