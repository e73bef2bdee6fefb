/** A cloud with what cheap guests need, and those guests. Nothing boots from the blank image, but its domain is as real as any. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { buildBusyboxImage } from '../../compute/container-image/build.ts';
import { type HostState, hostState } from '../end-to-end/host-state.ts';
import { type RealCloud, until } from '../end-to-end/real-cloud.ts';

export type Kind = 'server' | 'container';
export const kinds: Kind[] = ['server', 'container'];

export interface Guests {
  networkId: string;
  /** Asks for a guest; its id, or a failure with what the API said. */
  create(kind: Kind, name: string): Promise<string>;
  /** Waits until the only host may get guests. */
  untilPlaceable(): Promise<void>;
  /** The id of a guest that may have come to be though nobody heard the answer. */
  find(kind: Kind, name: string): Promise<string | undefined>;
  show(kind: Kind, id: string): Promise<Shown>;
  /** Asks for its end. */
  remove(kind: Kind, id: string): Promise<void>;
  /** Waits for `ERROR` and returns what it says of the reason. */
  untilFailed(kind: Kind, id: string): Promise<string>;
  untilRunning(kind: Kind, id: string): Promise<void>;
  untilGone(kind: Kind, id: string): Promise<void>;
}

export interface Shown {
  status: number;
  state: 'running' | 'error' | 'gone' | 'underway';
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of servers and containers
  body: any;
}

/** What is on the host that was not `before`: kinds without anything new are left out. */
export async function newOnHost(cloud: RealCloud, before: HostState): Promise<Partial<HostState>> {
  const now = Object.entries(await hostState(cloud.dataDir)) as [keyof HostState, string[]][];
  const more = now.map(([kind, names]) => [kind, names.filter((name) => !before[kind].includes(name))] as const);
  return Object.fromEntries(more.filter(([, names]) => names.length > 0));
}

/** What several guests share, and what stays for a while after the last of them. */
export const imageKinds = ['cachedImages', 'archives', 'containerImages'] as const satisfies (keyof HostState)[];

/** Waits until nothing is on the host that was not `before`. */
export async function untilNothingIsLeft(
  t: ExecutionContext,
  cloud: RealCloud,
  before: HostState,
  except: readonly (keyof HostState)[] = [],
): Promise<void> {
  let left: Partial<HostState> = {};
  const isSo = async () => {
    // The default groups of projects stay, and with them what OVN needs for any group at all.
    left = await newOnHost(cloud, before);
    for (const kind of ['portGroups', ...except] as const) delete left[kind];
    return Object.keys(left).length === 0;
  };
  await until('nothing is left on the host', isSo).catch((error) => t.deepEqual(left, {}, error.message));
}

const paths = { server: '/compute/v2.1/servers', container: '/container/v1/containers' };

export async function prepareGuests(
  cloud: RealCloud,
  { needsHost = true, needsDrawing = true, rootDiskGib = 1 } = {},
): Promise<Guests> {
  const given = async (...[as, method, path, body]: Parameters<RealCloud['ask']>) => {
    const answer = await cloud.ask(as, method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const makeImage = async (name: string, containerFormat: string, bytes: Uint8Array) => {
    const form = { name, container_format: containerFormat, disk_format: 'raw', visibility: 'public' };
    const { id } = await given('admin', 'POST', '/image/v2/images', form);
    await given('admin', 'PUT', `/image/v2/images/${id}/file`, bytes);
    return id as string;
  };
  const flavor = { id: 'tiny', name: 'tiny', ram: 64, vcpus: 1, disk: rootDiskGib };
  await given('admin', 'POST', '/compute/v2.1/flavors', { flavor });
  const imageRef = await makeImage('blank', 'bare', new Uint8Array(1024 * 1024));
  const archive = join(cloud.dataDir, 'busybox.tar');
  await buildBusyboxImage(archive);
  await makeImage('busybox', 'docker', await readFile(archive));
  const { network } = await given('member', 'POST', '/network/v2.0/networks', { network: { name: 'private' } });
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.30.0.0/24' };
  const { id: subnetId } = (await given('member', 'POST', '/network/v2.0/subnets', { subnet })).subnet;
  const isDrawn = async () => (await hostState(cloud.dataDir)).dhcpOptions.includes(subnetId);
  if (needsDrawing) await until('the network is drawn', isDrawn);

  const untilPlaceable = () =>
    until('the host can be used', async () => {
      const { hypervisors } = await given('admin', 'GET', '/compute/v2.1/os-hypervisors');
      return hypervisors[0]?.state === 'up';
    });
  if (needsHost) await untilPlaceable();

  const bodies = {
    server: (name: string) => ({
      server: { name, flavorRef: 'tiny', imageRef, networks: [{ uuid: network.id }] },
    }),
    container: (name: string) => ({
      name,
      image: 'busybox',
      command: ['sh', '-c', 'trap exit TERM; sleep 1000000 & wait'], // PID 1 gets no signal that it has not asked for
      memory: 32,
      nets: [{ network: network.id }],
    }),
  };
  const show = async (kind: Kind, id: string): Promise<Shown> => {
    const { status, body } = await cloud.ask('member', 'GET', `${paths[kind]}/${id}`);
    if (status === 404) return { status, body, state: 'gone' };
    if (status !== 200) throw new Error(`${kind} ${id}: ${status} ${JSON.stringify(body)}`);
    const shown = kind === 'server' ? body.server : body;
    const states: Record<string, Shown['state']> = { active: 'running', running: 'running', error: 'error' };
    return { status, body: shown, state: states[shown.status.toLowerCase()] ?? 'underway' };
  };
  const untilState = async (kind: Kind, id: string, state: Shown['state']) => {
    let last: Shown | undefined;
    await until(`${kind} ${id} is ${state}`, async () => {
      last = await show(kind, id);
      return last.state === state;
    }).catch((error) => {
      throw new Error(`${error.message}; it is ${JSON.stringify(last?.body)}`);
    });
  };
  return {
    networkId: network.id,
    untilPlaceable,
    async create(kind, name) {
      const body = await given(
        'member',
        'POST',
        `${paths[kind]}${kind === 'container' ? '?run=true' : ''}`,
        bodies[kind](name),
      );
      return kind === 'server' ? body.server.id : body.uuid;
    },
    async find(kind, name) {
      const list = await given('member', 'GET', paths[kind]);
      return list[`${kind}s`].find((guest: { name: string }) => guest.name === name)?.[
        kind === 'server' ? 'id' : 'uuid'
      ];
    },
    show,
    async remove(kind, id) {
      await given('member', 'DELETE', `${paths[kind]}/${id}${kind === 'container' ? '?stop=true' : ''}`);
    },
    async untilFailed(kind, id) {
      await untilState(kind, id, 'error');
      const { body } = await show(kind, id);
      return kind === 'server' ? body.fault.message : body.status_reason;
    },
    untilRunning: (kind, id) => untilState(kind, id, 'running'),
    untilGone: (kind, id) => untilState(kind, id, 'gone'),
  };
}
