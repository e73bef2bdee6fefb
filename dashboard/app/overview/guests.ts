import { type Container, isMoving as isContainerMoving } from '../containers/container.ts';
import type { Flavor } from '../flavors/queries.ts';
import { type FloatingIp, floatingOf } from '../floating-ips/floating-ip.ts';
import { paths } from '../paths.ts';
import { isMoving as isServerMoving, type Server } from '../servers/server.ts';

/** A server or a container, as the one list shows both. */
export interface Guest {
  kind: 'server' | 'container';
  id: string;
  name: string;
  status: string;
  task: string | null;
  addresses: { addr: string; isFloating: boolean }[];
  imageId: string;
  vcpus: number | null;
  memoryMib: number | null;
  path: string;
  isMoving: boolean;
}

export function guestOfServer(server: Server, flavors: readonly Flavor[]): Guest {
  const flavor = flavors.find(({ id }) => id === server.flavor.id);
  return {
    kind: 'server',
    id: server.id,
    name: server.name,
    status: server.status,
    task: server['OS-EXT-STS:task_state'],
    addresses: Object.values(server.addresses)
      .flat()
      .map((address) => ({ addr: address.addr, isFloating: address['OS-EXT-IPS:type'] === 'floating' })),
    imageId: server.image === '' ? '' : server.image.id,
    vcpus: flavor?.vcpus ?? null,
    memoryMib: flavor?.ram ?? null,
    path: paths.server(server.id),
    isMoving: isServerMoving(server),
  };
}

export function guestOfContainer(container: Container, floatingIps: readonly FloatingIp[]): Guest {
  const memory = Number.parseInt(container.memory ?? '', 10);
  return {
    kind: 'container',
    id: container.uuid,
    name: container.name,
    status: container.status,
    task: container.task_state,
    addresses: Object.values(container.addresses ?? {})
      .flat()
      .flatMap(({ addr, port }) => [
        { addr, isFloating: false },
        ...floatingOf(floatingIps, port).map((address) => ({ addr: address, isFloating: true })),
      ]),
    imageId: container.image,
    vcpus: container.cpu,
    memoryMib: Number.isNaN(memory) ? null : memory,
    path: paths.container(container.uuid),
    isMoving: isContainerMoving(container),
  };
}

interface Known {
  servers: readonly Server[];
  containers: readonly Container[];
  flavors: readonly Flavor[];
  floatingIps: readonly FloatingIp[];
}

/** Both together, by name; `text` is searched in names, ids and addresses. */
export function guestList(
  { servers, containers, flavors, floatingIps }: Known,
  { text, kind }: { text: string; kind: string },
): Guest[] {
  const wanted = text.trim().toLowerCase();
  return [
    ...servers.map((server) => guestOfServer(server, flavors)),
    ...containers.map((container) => guestOfContainer(container, floatingIps)),
  ]
    .filter((guest) => kind === '' || guest.kind === kind)
    .filter(({ name, id, addresses }) =>
      [name, id, ...addresses.map(({ addr }) => addr)].some((value) => value.toLowerCase().includes(wanted)),
    )
    .sort((one, other) => one.name.localeCompare(other.name) || one.id.localeCompare(other.id));
}
