/** Interfaces of servers that are there already: taken, changed and given back while they run or not. */
import { type ProjectContext, visibleTo } from '../../common/context.ts';
import { BadRequest, Conflict, NotFound } from '../../common/errors.ts';
import { addAddress, type Interface, interfaceOf, interfacesOf, removeAddress } from '../../network/interfaces.ts';
import { createPort, defaultNetworkFor, releasePorts } from '../../network/ports.ts';
import { deviceOwnerOn } from '../aggregates/zones.ts';
import { mostInterfaces } from '../limits.ts';
import { ask } from './ask.ts';
import type { ServerDeps } from './create.ts';
import { requirements } from './states.ts';
import { getServer } from './store.ts';

/** A port that exists, or a new one on a network; neither: on the project's only network. */
export interface InterfaceRequest {
  portId?: string;
  networkId?: string;
  fixedIp?: string;
  tag?: string;
}

export async function listInterfaces({ db }: ServerDeps, ctx: ProjectContext, id: string): Promise<Interface[]> {
  const server = await getServer(db, visibleTo(ctx), id);
  return interfacesOf(db, server.id);
}

/** Throws `NotFound`, also for a port of another server. */
export async function getInterface(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  portId: string,
): Promise<Interface> {
  const server = await getServer(db, visibleTo(ctx), id);
  return interfaceOf(db, server.id, portId).catch(notOf(server.id, portId));
}

/**
 * Gives the server one more interface; its host plugs it in, running or not. Throws `NotFound` for networks and ports that are
 * not there, `Conflict` for those in use, `BadRequest` where it is not told which network, `OverQuota`.
 */
export async function attachInterface(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  asked: InterfaceRequest,
): Promise<Interface> {
  let portId = '';
  const server = await ask(db, ctx, id, {
    action: 'attach_interface',
    api: 'attach_interface',
    requirement: requirements['change interfaces'],
    async change(trx, { id: deviceId, projectId, hostName }) {
      if ((await interfacesOf(trx, deviceId)).length >= mostInterfaces)
        throw new Conflict(
          `Instance ${deviceId} has ${mostInterfaces} interfaces, which is the most that it can have.`,
        );
      const named = asked.portId !== undefined || asked.networkId !== undefined;
      const networkId = named ? asked.networkId : await defaultNetworkFor(trx, projectId).catch(ambiguous);
      if (!named && networkId === undefined)
        throw new BadRequest(`No specific network was requested and none are available for project '${projectId}'.`);
      const port = await createPort(trx, {
        ...asked,
        networkId,
        projectId,
        visible: visibleTo(ctx),
        deviceId,
        deviceOwner: await deviceOwnerOn(trx, hostName),
        hostName,
      });
      portId = port.id;
      return {};
    },
  });
  return interfaceOf(db, server.id, portId);
}

/** Takes an interface from the server: a port that was made for it goes, any other is free again. Throws `NotFound`. */
export async function detachInterface(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  portId: string,
): Promise<void> {
  await ask(db, ctx, id, {
    action: 'detach_interface',
    api: 'detach_interface',
    requirement: requirements['change interfaces'],
    async change(trx, server) {
      await interfaceOf(trx, server.id, portId).catch(notOf(server.id, portId));
      await releasePorts(trx, server.id, portId);
      return {};
    },
  });
}

/** One more address on the network, for the interface that the server has there. Throws `NotFound`, `Conflict`. */
export async function addFixedIp(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  networkId: string,
): Promise<void> {
  await ask(db, ctx, id, {
    action: 'addFixedIp',
    api: 'add_fixed_ip',
    requirement: requirements['change addresses'],
    async change(trx, server) {
      await addAddress(trx, server.id, networkId).catch(badAddress);
      return {};
    },
  });
}

/** Throws `BadRequest` when the server does not have the address, as Nova does. */
export async function removeFixedIp(
  { db }: ServerDeps,
  ctx: ProjectContext,
  id: string,
  address: string,
): Promise<void> {
  await ask(db, ctx, id, {
    action: 'removeFixedIp',
    api: 'remove_fixed_ip',
    requirement: requirements['change addresses'],
    async change(trx, server) {
      await removeAddress(trx, server.id, address).catch(badAddress);
      return {};
    },
  });
}

const notOf =
  (serverId: string, portId: string) =>
  (error: unknown): never => {
    if (!(error instanceof NotFound)) throw error;
    const told = new NotFound('Port', portId);
    told.message = `Instance ${serverId} does not have a port with id ${portId}`;
    throw told;
  };

function ambiguous(error: unknown): never {
  if (!(error instanceof Conflict)) throw error;
  throw new BadRequest(
    'More than one possible network found. Specify network ID(s) to select which one(s) to connect to.',
  );
}

function badAddress(error: unknown): never {
  throw error instanceof NotFound ? new BadRequest(error.message) : error;
}
