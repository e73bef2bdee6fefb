/** A cloud full of servers: one made through the API, as a user would, and as many copies of its rows as are wanted. */
import { buildCloud } from '../../cloud.ts';
import { buildConfig } from '../../common/config/config.ts';
import { type Knex, openDatabase } from '../../common/database/database.ts';
import { createLogger } from '../../common/logger.ts';
import { Secret } from '../../common/secret.ts';
import { SimulatedHost } from '../../compute/drivers/simulated/host.ts';
import { setOwnLimits } from '../../compute/quotas/store.ts';
import { simulatedDrivers } from '../../drivers.ts';
import { becomes } from '../../host/processes.ts';
import { type Client, logIn } from '../../host/seed/client.ts';
import { personas } from '../personas.ts';
import { administrator, simulatedHostName } from './simulated-cloud.ts';

export const serversInCloud = 20_000;
const serversOfProject = 10;

/** What servers are made with. */
export interface Ground {
  flavorRef: string;
  imageRef: string;
  networks: { uuid: string }[];
  metadata: Record<string, string>;
}

export interface Filled {
  serverId: string;
  ground: Ground;
}

/** Servers of many projects on one shared network, with a port, an address and a security group each. */
export async function fillWithServers(dataDir: string, databaseUrl: string): Promise<Filled> {
  const filled = await makeOneServer(dataDir, databaseUrl);
  const db = openDatabase(databaseUrl, { max: 1 });
  await copyServer(db, filled.serverId, serversInCloud - 1).finally(() => db.destroy());
  return filled;
}

/** Lets the administrator's project have as many servers and ports as it likes. */
export async function liftQuotas(db: Knex): Promise<void> {
  const { id } = await db('projects').where({ name: personas.admin.project }).first('id');
  await setOwnLimits(db, { projectId: id, userId: null }, { instances: -1, cores: -1, ram: -1 });
  await db('network_quotas').insert({ project_id: id, resource: 'port', maximum: -1 });
}

/** Whole: active, with an address. */
export async function makeOneServer(dataDir: string, databaseUrl: string): Promise<Filled> {
  const config = buildConfig({ file: { dataDir, drivers: 'simulated', listenPort: 0, hostName: simulatedHostName } });
  config.databaseUrl = new Secret(databaseUrl);
  const cloud = await buildCloud(config, createLogger('error'), simulatedDrivers(new SimulatedHost()));
  await cloud.start();
  try {
    const admin = await logIn(cloud.url(), administrator('admin'));
    const ground = await makeGround(admin);
    const servers = '/compute/v2.1/servers';
    const hasHost = async () => (await admin.get('/compute/v2.1/os-hypervisors')).hypervisors.length > 0;
    if (!(await becomes(hasHost, 30, 50))) throw new Error('the host of the benchmark does not report');
    const { id } = (await admin.post(servers, { server: { ...ground, name: 'server-0' } })).server;
    const isActive = async () => (await admin.get(`${servers}/${id}`)).server.status === 'ACTIVE';
    if (!(await becomes(isActive, 30, 50))) throw new Error('the server to be copied did not become active');
    return { serverId: id, ground };
  } finally {
    await cloud.stop();
  }
}

async function makeGround(admin: Client): Promise<Ground> {
  const { flavor } = await admin.post('/compute/v2.1/flavors', {
    flavor: { name: 'small', vcpus: 1, ram: 512, disk: 1 },
  });
  const form = { name: 'blank', disk_format: 'raw', container_format: 'bare', visibility: 'public' };
  const image = await admin.post('/image/v2/images', form);
  await admin.upload(`/image/v2/images/${image.id}/file`, new Blob([new Uint8Array(1024 * 1024)]).stream());
  const { network } = await admin.post('/network/v2.0/networks', { network: { name: 'shared', shared: true } });
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/12' };
  await admin.post('/network/v2.0/subnets', { subnet });
  return {
    flavorRef: flavor.id,
    imageRef: image.id,
    networks: [{ uuid: network.id }],
    metadata: { purpose: 'benchmark', owner: 'nobody' },
  };
}

/** Whatever columns there are: those that must differ are replaced, the others are as in the original. */
async function copyServer(db: Knex, original: string, count: number): Promise<void> {
  const copy = async (table: string, of: string, changes: string) => {
    const written = { table_name: table, table_schema: 'public', is_generated: 'NEVER' };
    const columns = await db('information_schema.columns').where(written).pluck('column_name');
    await db.raw(
      `insert into ${table} (${columns.join(', ')}) overriding system value
         select ${columns.map((column) => `copied.${column}`).join(', ')}
           from ${table} o, generate_series(1, :count::int) n,
           jsonb_populate_record(null::${table}, to_jsonb(o) || ${changes}) copied where ${of}`,
      { original, count, serversOfProject },
    );
  };
  const server = `md5('server ' || n)::uuid`;
  const port = `md5('port ' || n)::uuid`;
  const ofPort = 'o.port_id = (select id from ports where attached_to = :original)';
  await copy(
    'servers',
    'o.id = :original::uuid',
    `jsonb_build_object('id', ${server}, 'name', 'server-' || n, 'hostname', 'server-' || n,
       'project_id', md5('project ' || n / :serversOfProject::int), 'created_at', o.created_at - make_interval(secs => n))`,
  );
  await copy('server_boot_data', 'o.server_id = :original::uuid', `jsonb_build_object('server_id', ${server})`);
  await copy(
    'server_actions',
    'o.server_id = :original::uuid',
    `jsonb_build_object('server_id', ${server}, 'number', 1000000 + n)`,
  );
  await copy(
    'ports',
    'o.attached_to = :original',
    `jsonb_build_object('id', ${port}, 'attached_to', ${server}, 'device_id', ${server}, 'attached_order', 1000000 + n,
       'project_id', md5('project ' || n / :serversOfProject::int),
       'mac_address', 'fa:16:00' || regexp_replace(lpad(to_hex(n), 6, '0'), '(..)', ':\\1', 'g'))`,
  );
  await copy('port_addresses', ofPort, `jsonb_build_object('port_id', ${port}, 'address', host('10.8.0.0'::inet + n))`);
  await copy('port_security_groups', ofPort, `jsonb_build_object('port_id', ${port})`);
}
