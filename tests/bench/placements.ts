/** How fast guests are placed among many hosts: the claim and the row of a server, and whole requests. */
import { randomUUID } from 'node:crypto';
import { type Knex, openDatabase } from '../../common/database/database.ts';
import { claimHost } from '../../compute/scheduler/claim.ts';
import { countRoom } from '../../compute/scheduler/room.ts';
import { defaultScheduling } from '../../compute/scheduler/scheduling.ts';
import { type Figure, quantile } from './figures.ts';
import { inWords, measure } from './measure.ts';
import { type Filled, liftQuotas, makeOneServer } from './servers.ts';
import { startSimulatedCloud } from './simulated-cloud.ts';

const hosts = 10_000;
const serversBefore = 50_000;
const creators = 32;
const placements = 5000;
/** Of each server, in MiB. */
const memoryMib = 512;
/** What a host can take. Each has five servers of the benchmark's beginning. */
const serversOfHost = 8;

export async function measurePlacements(): Promise<Figure[]> {
  let databaseUrl = '';
  const cloud = await startSimulatedCloud(async (dataDir, url) => {
    databaseUrl = url;
    return fillWithHosts(dataDir, url);
  });
  const db = openDatabase(databaseUrl, { max: creators });
  try {
    const figures = await placeMany(db);
    await stayAlive(db);
    return [...figures, await createMany(cloud)];
  } finally {
    await db.destroy();
    await cloud.stop();
  }
}

/** As an operation does, but without ports and the rest of a request: from one process, with so many at once. */
async function placeMany(db: Knex): Promise<Figure[]> {
  await stayAlive(db);
  const took: number[] = [];
  const before = process.cpuUsage();
  const begun = performance.now();
  let next = 0;
  const creator = async () => {
    while (next < placements) {
      next += 1;
      const start = performance.now();
      await place(db);
      took.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: creators }, creator));
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(before);
  const part = took.length / 5;
  const times = (samples: number[]) =>
    `p50 ${quantile(samples, 0.5).toFixed(1)} ms, p99 ${quantile(samples, 0.99).toFixed(1)} ms`;
  const over = await db('compute_hosts as h')
    .whereRaw('h.memory_mib - 512 < (select sum(memory_mib) from compute_claims where host_id = h.id)')
    .select('h.id');
  return [
    {
      what: `Placements, ${hosts} hosts, ${serversBefore} servers, ${creators} creators`,
      value: `${(placements / seconds).toFixed(0)}/s, ${((user + system) / 1000 / placements).toFixed(2)} ms of processor each`,
      target: 'at least 300/s',
    },
    { what: 'The first fifth of them', value: times(took.slice(0, part)) },
    { what: 'The last fifth', value: times(took.slice(-part)), target: 'as fast' },
    { what: 'Hosts with more than fits', value: String(over.length), target: '0' },
  ];
}

async function place(db: Knex): Promise<void> {
  await db.transaction(async (trx) => {
    const demand = { vcpus: 1, memoryMib, diskGib: 1, zone: null, hostName: null, projectId: 'p' };
    const { host, reason } = await claimHost(trx, demand, defaultScheduling);
    if (host === undefined) throw new Error(reason);
    const image = randomUUID();
    await trx('servers').insert({
      ...{ project_id: 'p', user_id: 'u', name: 's', hostname: 's', flavor_id: 'f', reservation_id: 'r' },
      ...{ vcpus: 1, memory_mib: memoryMib, disk_gib: 1 },
      ...{ image_id: image, disk_image_id: image, disk_image_format: 'raw', host_id: host.id },
    });
  });
}

/** Whole requests: quota, claim, row, port and address, from as many clients. */
async function createMany({ url, token, filled, cpuMs }: Awaited<ReturnType<typeof startSimulatedCloud<Filled>>>) {
  const headers = { 'x-auth-token': token, 'content-type': 'application/json' };
  const body = JSON.stringify({ server: { ...filled.ground, name: 'server' } });
  const asks = [{ method: 'POST', url: `${url}/compute/v2.1/servers`, headers, body }];
  const measured = await measure(cpuMs, { asks, connections: creators, status: 202 });
  return { what: 'POST /servers among them', value: inWords(measured) };
}

async function fillWithHosts(dataDir: string, databaseUrl: string): Promise<Filled> {
  const filled = await makeOneServer(dataDir, databaseUrl);
  const db = openDatabase(databaseUrl, { max: 1 });
  try {
    await db.raw(
      `insert into compute_hosts (name, address, vcpus, memory_mib, disk_gib, hypervisor_type, hypervisor_version,
           virtualisation, cpu_model, architecture)
         select 'host-' || n, '192.0.2.1', :serversOfHost::int, 512 + :serversOfHost::int * :memoryMib::int, :serversOfHost::int * 10, 'QEMU', 7002000,
           'kvm', 'x', 'x86_64' from generate_series(1, :hosts::int) n`,
      { hosts, serversOfHost, memoryMib },
    );
    await db.raw(
      `insert into servers (project_id, user_id, name, hostname, flavor_id, vcpus, memory_mib, disk_gib, image_id,
           disk_image_id, disk_image_format, reservation_id, host_id, settled_revision, observed_power)
         select md5('project ' || n / 10), 'u', 'server', 'server', 'f', 1, :memoryMib::int, 1, gen_random_uuid(),
           gen_random_uuid(), 'raw', 'r', h.id, 1, 'running'
         from generate_series(1, :serversBefore::int) n join compute_hosts h on h.name = 'host-' || 1 + n % :hosts::int`,
      { serversBefore, hosts, memoryMib },
    );
    await countRoom(db, defaultScheduling.allocation);
    await liftQuotas(db);
    return filled;
  } finally {
    await db.destroy();
  }
}

/** As their agents would say. */
async function stayAlive(db: Knex): Promise<void> {
  await db('compute_hosts').update({ heartbeat_at: db.raw("now() + interval '10 minutes'") });
}
