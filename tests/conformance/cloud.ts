/** A cloud that listens and moves by itself, for clients that know nothing of us: real PostgreSQL, simulated hosts. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { buildCloud, migrations } from '../../cloud.ts';
import { buildConfig } from '../../common/config/config.ts';
import { Secret } from '../../common/secret.ts';
import { SimulatedHost } from '../../compute/drivers/simulated/host.ts';
import { simulatedDrivers } from '../../drivers.ts';
import { SimulatedNetworkEngine } from '../../network/drivers/simulated/driver.ts';
import { freePort } from '../bench/free-port.ts';
import { createTestDatabase } from '../database.ts';
import { fillIdentity } from '../personas.ts';

export interface ClientCloud {
  url: string;
  dataDir: string;
  /** What it logged, a line of JSON each. */
  logLines: string[];
  /** Those of them at level error: somebody would have to act. */
  errors(): string[];
  /** Another process of its API beside it, as far as one process can have it; gives its URL. */
  startAnother(): Promise<string>;
}

/** Ends with `t`. `settings` are those of the configuration file; `hosts` is how many there are, between which servers can move. */
export async function startClientCloud(
  t: Pick<ExecutionContext, 'teardown'>,
  settings: Record<string, string | number> = {},
  hosts = 1,
): Promise<ClientCloud> {
  const databaseUrl = await createTestDatabase(t, migrations, { name: 'personas', fill: fillIdentity });
  const dataDir = await mkdtemp(join(tmpdir(), 'cirrostack-clients-'));
  t.teardown(async () => {
    const directories = [dataDir, ...Array.from({ length: hosts - 1 }, (_, i) => ownName(dataDir, i + 2))];
    for (const directory of directories) await rm(directory, { recursive: true, force: true });
  });
  const logLines: string[] = [];
  const log = pino({ level: 'info', base: null }, { write: (line: string) => logLines.push(line) });
  const network = new SimulatedNetworkEngine();
  const start = async (more: Record<string, string | number>, hostName = 'host-1') => {
    const common = { dataDir, drivers: 'simulated', listenPort: await freePort(), hostName };
    if (hosts > 1) Object.assign(common, { migrationListen: '127.0.0.1:0' });
    const config = buildConfig({ file: { ...common, ...settings, ...more } });
    config.databaseUrl = new Secret(databaseUrl);
    const host = new SimulatedHost({ hostname: hostName });
    host.bootOutput = 'booting\n'.repeat(12); // tempest waits for ten lines
    const cloud = await buildCloud(config, log, simulatedDrivers(host, network));
    await cloud.start();
    t.teardown(() => cloud.stop());
    return cloud.url();
  };
  const url = await start({});
  for (let number = 2; number <= hosts; number += 1)
    await start({ roles: 'agent', dataDir: await ownDirectory(dataDir, number) }, `host-${number}`);
  return {
    ...{ url, dataDir, logLines },
    errors: () => logLines.filter((line) => (JSON.parse(line) as { level: number }).level >= 50),
    startAnother: () => start({ roles: 'api', publicUrl: url }),
  };
}

/** Of one more host: copies of images are a host's own, and the other would remove what its own servers do not need. */
async function ownDirectory(first: string, number: number): Promise<string> {
  const directory = ownName(first, number);
  await mkdir(directory);
  await copyFile(join(first, 'master.key'), join(directory, 'master.key'));
  const stores = [{ id: 'default', type: 'files', directory: join(first, 'images') }];
  await writeFile(join(directory, 'image-stores.json'), JSON.stringify({ stores }));
  return directory;
}

const ownName = (first: string, number: number) => `${first}-host-${number}`;
