/** Clouds of several simulated hosts, between whose agents the road is real. */
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { buildCloud } from '../../../cloud.ts';
import { buildConfig } from '../../../common/config/config.ts';
import { startLoop } from '../../../common/reconcile/loop.ts';
import { simulatedDrivers } from '../../../drivers.ts';
import { startTestCloud } from '../../../tests/cloud.ts';
import type { ServerDriver } from '../../drivers/driver.ts';
import { SimulatedHost } from '../../drivers/simulated/host.ts';
import { type Ground, prepareCompute, type TestCloud } from '../../testing.ts';

export interface SecondHost {
  host: SimulatedHost;
  driver: ServerDriver;
  settle(): Promise<void>;
  sweep(): Promise<void>;
}

export interface TwoHosts extends Ground {
  cloud: TestCloud;
  first: SimulatedHost;
  second: SecondHost;
  /** Until neither host has anything left to do. */
  settle(): Promise<void>;
  /** Says that a host has not been heard of for long, or is heard of again. */
  silence(hostName: string, isSilent: boolean): Promise<void>;
  hostOf(serverId: string): Promise<string>;
}

const listening = { migrationListen: '127.0.0.1:0' };

/** A cloud with `host-1`, where servers begin, and `host-2`. */
export async function startTwoHosts(
  t: ExecutionContext,
  overrides: Record<string, string | number> = {},
): Promise<TwoHosts> {
  const cloud = await startTestCloud(t, { ...listening, ...overrides });
  const ground = await prepareCompute(t, cloud);
  const second = await addHost(t, cloud, 'host-2', overrides);
  await cloud.db('compute_hosts').where({ name: 'host-2' }).update({ is_disabled: true }); // until servers have begun
  const settle = async () => {
    for (let before = ''; ; ) {
      await cloud.settle();
      await second.settle();
      const left = await fingerprint(cloud);
      if (left === before) return;
      before = left;
    }
  };
  return {
    ...ground,
    cloud,
    first: ground.host,
    second,
    settle,
    async silence(hostName, isSilent) {
      const at = isSilent ? cloud.db.raw("now() - interval '1 hour'") : cloud.db.fn.now();
      await cloud.db('compute_hosts').where({ name: hostName }).update({ heartbeat_at: at, agent_seen_at: at });
    },
    hostOf: async (id) => {
      const row = await cloud
        .db('servers')
        .join('compute_hosts', 'compute_hosts.id', 'servers.host_id')
        .where('servers.id', id)
        .first('compute_hosts.name');
      return row?.name;
    },
  };
}

async function fingerprint({ db }: TestCloud): Promise<string> {
  const servers = await db('servers').orderBy('id').select('id', 'host_id', 'move', 'revision', 'settled_revision');
  const moves = await db('server_migrations')
    .orderBy('number')
    .select('number', 'status', 'source_to_clear', 'destination_to_clear');
  return JSON.stringify([servers, moves]);
}

/** One more host of the same cloud, with its agent; nothing moves there unless it is asked to. */
export async function addHost(
  t: ExecutionContext,
  cloud: TestCloud,
  name: string,
  overrides: Record<string, string | number> = {},
): Promise<SecondHost> {
  const file = {
    dataDir: cloud.config.dataDir,
    drivers: 'simulated',
    hostName: name,
    roles: 'agent',
    ...listening,
    ...overrides,
  };
  const config = buildConfig({ file });
  config.databaseUrl = cloud.config.databaseUrl;
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => cloud.logLines.push(`${name} ${line}`) });
  const host = new SimulatedHost({ hostname: name });
  const drivers = simulatedDrivers(host, cloud.engines.network);
  const other = await buildCloud(config, log, drivers);
  const modules = other.modules.filter(({ service }) => service.name === 'compute');
  const stops: (() => Promise<void>)[] = [];
  for (const module of modules) if (module.startAgent) stops.push(await module.startAgent());
  const never = 2 ** 31 - 1;
  const loops = modules
    .flatMap((module) => module.agents)
    .map((reconciler) => startLoop(reconciler, { log, pollMs: never, sweepMs: never }));
  t.teardown(async () => {
    for (const stop of stops) await stop();
    await Promise.all(loops.map((loop) => loop.stop()));
    await other.stop();
  });
  const settle = async () => {
    for (const loop of loops) await loop.settle();
  };
  await settle();
  return {
    host,
    driver: drivers.servers,
    settle,
    async sweep() {
      for (const loop of loops) await loop.sweep();
    },
  };
}
