/** A cloud full of servers for the API benchmarks: filled by one process, then answered for by another that does nothing else. */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCloud, migrations } from '../../cloud.ts';
import { buildConfig } from '../../common/config/config.ts';
import { openDatabase } from '../../common/database/database.ts';
import { migrate } from '../../common/database/migrate.ts';
import { createLogger } from '../../common/logger.ts';
import { Secret } from '../../common/secret.ts';
import { SimulatedHost } from '../../compute/drivers/simulated/host.ts';
import { simulatedDrivers } from '../../drivers.ts';
import {
  configPath,
  restartApiProcess,
  runningApiProcess,
  stopApiProcess,
  writeConfig,
} from '../../host/api-process.ts';
import { startTemporaryPostgres } from '../../host/engines/postgres.ts';
import { contextOf, localUrl, readSettings } from '../../host/options.ts';
import { becomes } from '../../host/processes.ts';
import { type Client, logIn } from '../../host/seed/client.ts';
import { fillIdentity, personas } from '../personas.ts';
import { freePort } from './free-port.ts';
import { alsoWhenInterrupted } from './interrupted.ts';

export const serversInCloud = 500;
/** Nova's own quota, which nothing here changes. */
const serversOfProject = 10;

export interface SimulatedCloud {
  url: string;
  /** An administrator's: it may list the servers of all projects. */
  token: string;
  serverId: string;
  /** Processor time that the process has taken so far; other than seconds, it does not depend on what else runs here. */
  cpuMs(): number;
  stop(): Promise<void>;
}

/** The process is started just as `bin/up` starts it, except that it is an API alone and its hosts are simulated. */
export async function startSimulatedCloud(): Promise<SimulatedCloud> {
  const postgres = await startTemporaryPostgres();
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-bench-'));
  const context = { ...contextOf(dataDir, await readSettings(dataDir)), databaseUrl: postgres.url };
  const stop = alsoWhenInterrupted(async () => {
    await stopApiProcess(context);
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  try {
    for (const name of ['run', 'log', 'cache']) await mkdir(join(dataDir, name));
    const serverId = await fill(dataDir, postgres.url);
    await analyze(postgres.url);
    const settings = { ...(await readSettings(dataDir)), listenPort: await freePort(), databaseUrl: postgres.url };
    await writeFile(configPath(context), JSON.stringify({ drivers: 'simulated', roles: 'api' }));
    await writeConfig(context, settings);
    await restartApiProcess(context, settings);
    const url = localUrl(settings);
    const { token } = await logIn(url, administrator('admin'));
    const { pid } = (await runningApiProcess(context))!;
    return { url, token, serverId, cpuMs: () => cpuMsOf(pid), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Through the API, as users would: projects of ten servers each on one shared network. @returns one of the servers. */
async function fill(dataDir: string, databaseUrl: string): Promise<string> {
  const db = openDatabase(databaseUrl);
  await migrate(db, migrations);
  await db.destroy();
  await fillIdentity(databaseUrl);
  const config = buildConfig({ file: { dataDir, drivers: 'simulated', listenPort: 0, hostName: 'simulated' } });
  config.databaseUrl = new Secret(databaseUrl);
  const large = new SimulatedHost({ vcpus: serversInCloud, memoryMib: 1024 * 1024, diskGib: 10_000 });
  const cloud = await buildCloud(config, createLogger('error'), simulatedDrivers(large));
  await cloud.start();
  try {
    const admin = await logIn(cloud.url(), administrator('admin'));
    const ground = await makeGround(admin);
    for (let n = 0; n < serversInCloud / serversOfProject; n += 1) {
      const owner = await makeProject(cloud.url(), admin, `project-${n}`);
      const asked = Array.from({ length: serversOfProject }, (_, i) => ({ ...ground, name: `server-${n}-${i}` }));
      for (const server of asked) await owner.post('/compute/v2.1/servers', { server });
    }
    const path = '/compute/v2.1/servers/detail?all_tenants=1&status=ACTIVE';
    const active = async () => (await admin.get(path)).servers as { id: string }[];
    if (!(await becomes(async () => (await active()).length === serversInCloud, 120, 500)))
      throw new Error(`only ${(await active()).length} of ${serversInCloud} servers became active`);
    return (await active())[0]!.id;
  } finally {
    await cloud.stop();
  }
}

/** What each server is made with. */
async function makeGround(admin: Client) {
  const { flavor } = await admin.post('/compute/v2.1/flavors', {
    flavor: { name: 'small', vcpus: 1, ram: 512, disk: 1 },
  });
  const form = { name: 'blank', disk_format: 'raw', container_format: 'bare', visibility: 'public' };
  const image = await admin.post('/image/v2/images', form);
  await admin.upload(`/image/v2/images/${image.id}/file`, new Blob([new Uint8Array(1024 * 1024)]).stream());
  const { network } = await admin.post('/network/v2.0/networks', { network: { name: 'shared', shared: true } });
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/20' };
  await admin.post('/network/v2.0/subnets', { subnet });
  return {
    flavorRef: flavor.id,
    imageRef: image.id,
    networks: [{ uuid: network.id }],
    metadata: { purpose: 'benchmark', owner: 'nobody' },
  };
}

async function makeProject(url: string, admin: Client, name: string): Promise<Client> {
  const { project } = await admin.post('/identity/v3/projects', { project: { name, domain_id: 'default' } });
  const { roles } = await admin.get('/identity/v3/roles?name=admin');
  await admin.put(`/identity/v3/projects/${project.id}/users/${admin.userId}/roles/${roles[0].id}`);
  return logIn(url, administrator(name));
}

const administrator = (project: string) => ({ user: 'admin', password: personas.admin.password, project });

/** The temporary database leaves out the autovacuum that would tell the planner how much there is. */
async function analyze(url: string): Promise<void> {
  const db = openDatabase(url, { max: 1 });
  await db.raw('vacuum analyze').finally(() => db.destroy());
}

/** In user and kernel mode, all threads together, from /proc/PID/stat, whose clock ticks are hundredths of a second. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
