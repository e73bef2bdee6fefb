/** From the request to ACTIVE, on a host that exists in memory only: what the cloud itself takes for it. */
import { setTimeout as delay } from 'node:timers/promises';
import { openDatabase } from '../../common/database/database.ts';
import { type Client, logIn } from '../../host/seed/client.ts';
import { type Figure, milliseconds } from './figures.ts';
import { liftQuotas, makeOneServer } from './servers.ts';
import { administrator, startSimulatedCloud } from './simulated-cloud.ts';

const servers = '/compute/v2.1/servers';
const runs = 30;
const together = 50;

/** Each with a port and an address; one process is the API, the controllers and the agent of the host. */
export async function measureCreation(): Promise<Figure[]> {
  const fill = async (dataDir: string, databaseUrl: string) => {
    const filled = await makeOneServer(dataDir, databaseUrl);
    const db = openDatabase(databaseUrl, { max: 1 });
    await liftQuotas(db).finally(() => db.destroy());
    return filled;
  };
  const cloud = await startSimulatedCloud(fill, { roles: 'api,controller,agent' });
  try {
    const client = await logIn(cloud.url, administrator('admin'));
    const make = async (name: string): Promise<string> =>
      (await client.post(servers, { server: { ...cloud.filled.ground, name } })).server.id;
    const samples: number[] = [];
    for (let run = 0; run < runs + 5; run += 1) {
      const begun = performance.now();
      const id = await make('alone');
      while ((await client.get(`${servers}/${id}`)).server.status !== 'ACTIVE') await delay(2);
      if (run >= 5) samples.push(performance.now() - begun); // before that, compilers warm up
    }
    const alone = { what: 'POST /servers to ACTIVE', value: milliseconds(samples), target: 'at most 60 ms' };
    const cpuBefore = cloud.cpuMs();
    const seconds = await makeTogether(client, make);
    const each = ((cloud.cpuMs() - cpuBefore) / together).toFixed(1);
    const value = `${seconds.toFixed(2)} s, ${each} ms of processor each`;
    return [alone, { what: `${together} at once, until all are ACTIVE`, value, target: 'within 1 s' }];
  } finally {
    await cloud.stop();
  }
}

async function makeTogether(client: Client, make: (name: string) => Promise<string>): Promise<number> {
  const begun = performance.now();
  await Promise.all(Array.from({ length: together }, () => make('together')));
  const active = async () => (await client.get(`${servers}?name=together&status=ACTIVE`)).servers.length;
  while ((await active()) < together) await delay(10);
  return (performance.now() - begun) / 1000;
}
