/** What the cloud adds to its engines: a server against `virsh create`, a container against `docker run`, in turns. */
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execute } from '../../host/execute.ts';
import { containerImageName, guestImageName, smallestFlavor } from '../../host/seed/catalogue.ts';
import { type Client, logIn } from '../../host/seed/client.ts';
import { type Figure, median, milliseconds } from './figures.ts';
import type { HostCloud } from './host-cloud.ts';

const servers = '/compute/v2.1/servers';
const runs = 9;
const together = 10;
const bareName = 'cirrostack-bench';
/** Seldom enough that asking hardly takes the processors from what is asked about. */
const pollMs = 20;

export async function measureServers(cloud: HostCloud): Promise<Figure[]> {
  const demo = await logIn(cloud.url, cloud.credentials.demo);
  const [network, image, flavor] = [
    (await demo.get('/network/v2.0/networks?name=demo')).networks[0].id,
    (await demo.get(`/image/v2/images?name=${guestImageName}`)).images[0].id,
    (await demo.get('/compute/v2.1/flavors')).flavors.find(({ name }: { name: string }) => name === smallestFlavor).id,
  ];
  const server = { name: 'bench', flavorRef: flavor, imageRef: image, networks: [{ uuid: network }] };
  const [ours, bare]: [number[], number[]] = [[], []];
  const [deleted, destroyed]: [number[], number[]] = [[], []];
  for (let run = 0; run < runs; run += 1) {
    const begun = performance.now();
    const { id } = (await demo.post(servers, { server })).server;
    await becomes(async () => (await demo.get(`${servers}/${id}`)).server.status, 'ACTIVE', 'ERROR');
    ours.push(performance.now() - begun);
    const copy = await copyOfDomain(cloud, id);
    deleted.push(await timed(() => deleteWhole(demo, `${servers}/${id}`)));
    bare.push(await timed(() => virsh('create', copy.xmlPath)));
    destroyed.push(await timed(() => virsh('destroy', bareName)));
    await rm(copy.directory, { recursive: true, force: true });
  }
  const seconds = await makeTogether(cloud, demo, { ...server, name: 'bench-together' });
  return [
    ...compared('POST /servers to ACTIVE', ours, 'virsh create of the same domain', bare, 200),
    ...compared('DELETE /servers to nothing left', deleted, 'virsh destroy of the same domain', destroyed, 300),
    { what: `${together} servers at once, until all are ACTIVE`, value: `${seconds.toFixed(1)} s`, target: 'no error' },
  ];
}

async function makeTogether(cloud: HostCloud, demo: Client, server: object): Promise<number> {
  const admin = await logIn(cloud.url, cloud.credentials.admin);
  const quota_set = { instances: -1, cores: -1, ram: -1 };
  await admin.put(`/compute/v2.1/os-quota-sets/${demo.projectId}`, { quota_set });
  const begun = performance.now();
  const ids: string[] = await Promise.all(
    Array.from({ length: together }, async () => (await demo.post(servers, { server })).server.id),
  );
  const isActive = async (id: string) => (await demo.get(`${servers}/${id}`)).server.status;
  await Promise.all(ids.map((id) => becomes(() => isActive(id), 'ACTIVE', 'ERROR')));
  const seconds = (performance.now() - begun) / 1000;
  await Promise.all(ids.map((id) => deleteWhole(demo, `${servers}/${id}`)));
  return seconds;
}

/** Its row goes last: when that is gone, nothing is left on the host. */
async function deleteWhole(client: Client, path: string): Promise<void> {
  await client.delete(path);
  await goneFrom(client, path);
}

export async function measureContainers(cloud: HostCloud): Promise<Figure[]> {
  const demo = await logIn(cloud.url, cloud.credentials.demo);
  const network = (await demo.get('/network/v2.0/networks?name=demo')).networks[0].id;
  const image = (await demo.get(`/image/v2/images?name=${containerImageName}`)).images[0].id;
  const containers = '/container/v1/containers';
  const body = { name: 'bench', image, image_driver: 'glance', nets: [{ network }] };
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let run = 0; run < runs; run += 1) {
    const begun = performance.now();
    const { uuid } = await demo.post(`${containers}?run=true`, body);
    await becomes(async () => (await demo.get(`${containers}/${uuid}`)).status, 'Running', 'Error');
    ours.push(performance.now() - begun);
    await demo.delete(`${containers}/${uuid}?stop=true`);
    await goneFrom(demo, `${containers}/${uuid}`);
    bare.push(
      await timed(() =>
        execute('docker', ['run', '--detach', '--network=none', `--name=${bareName}`, `cirrostack/${image}`]),
      ),
    );
    await execute('docker', ['rm', '--force', bareName]);
  }
  return compared('POST /containers?run=true to Running', ours, 'docker run -d of the same image', bare, 300);
}

function compared(what: string, ours: number[], against: string, bare: number[], mostMs: number): Figure[] {
  return [
    { what, value: milliseconds(ours) },
    { what: against, value: milliseconds(bare) },
    {
      what: 'Difference of the medians',
      value: `${(median(ours) - median(bare)).toFixed(0)} ms`,
      target: `at most ${mostMs} ms above`,
    },
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Asks more often than any client would. */
async function becomes(status: () => Promise<string>, wanted: string, failed: string): Promise<void> {
  for (let seen = await status(); seen !== wanted; seen = await status()) {
    if (seen === failed) throw new Error(`it became ${failed} instead of ${wanted}`);
    await delay(pollMs);
  }
}

async function goneFrom(client: Client, path: string): Promise<void> {
  while (
    await client.get(path).then(
      () => true,
      () => false,
    )
  )
    await delay(pollMs);
}

/** The domain as libvirt was told, under another name, with its own copy of the disks. */
async function copyOfDomain({ context }: HostCloud, id: string): Promise<{ directory: string; xmlPath: string }> {
  const xml = await virsh('dumpxml', '--inactive', `cs-${id}`);
  const directory = join(context.dataDir, 'bench-domain');
  await mkdir(directory, { mode: 0o711 });
  const original = join(context.dataDir, 'compute', 'servers', id);
  const disks = (await readdir(original)).filter((name) => /\.(qcow2|iso)$/.test(name));
  for (const name of disks) await cp(join(original, name), join(directory, name));
  const changed = xml
    .replaceAll(original, directory)
    .replace(/<metadata>.*<\/metadata>/s, '')
    .replace(`<name>cs-${id}</name>`, `<name>${bareName}</name>`)
    .replace(/<uuid>.*?<\/uuid>/, '')
    .replace(/<entry name='uuid'>.*?<\/entry>/, '')
    .replace(/<target dev='tap[^']*'\/>/, `<target dev='tapbench'/>`);
  const xmlPath = join(directory, 'domain.xml');
  await writeFile(xmlPath, changed);
  return { directory, xmlPath };
}

function virsh(...args: string[]): Promise<string> {
  return execute('virsh', ['--connect', 'qemu:///system', '--quiet', ...args]);
}
