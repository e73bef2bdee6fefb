/** A cloud full of servers. */
import { buildCloud } from '../../cloud.ts';
import { buildConfig } from '../../common/config/config.ts';
import { createLogger } from '../../common/logger.ts';
import { Secret } from '../../common/secret.ts';
import { SimulatedHost } from '../../compute/drivers/simulated/host.ts';
import { simulatedDrivers } from '../../drivers.ts';
import { becomes } from '../../host/processes.ts';
import { type Client, logIn } from '../../host/seed/client.ts';
import { administrator } from './simulated-cloud.ts';

export const serversInCloud = 500;
/** Nova's own quota, which nothing here changes. */
const serversOfProject = 10;

/** Through the API, as users would: projects of ten servers each on one shared network. @returns one of the servers. */
export async function fillWithServers(dataDir: string, databaseUrl: string): Promise<string> {
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
