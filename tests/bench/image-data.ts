/** How fast image data goes in and out, against what hashing, copying and serving the same file take by themselves, and the memory meanwhile. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute } from '../../host/execute.ts';
import { logIn } from '../../host/seed/client.ts';
import { type Figure, median } from './figures.ts';
import { administrator, type SimulatedCloud, startSimulatedCloud } from './simulated-cloud.ts';
import type { Transfer, Transferred } from './transfer.ts';

const mib = 512;
const rounds = 3;

export async function measureImageData(): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-bench-'));
  const cloud = await startSimulatedCloud(async () => undefined);
  try {
    const path = join(directory, 'data');
    await writeData(path);
    return [...(await measureUploads(cloud, path)), ...(await measureDownloads(cloud, path))];
  } finally {
    await cloud.stop();
    await rm(directory, { recursive: true });
  }
}

/** No two pieces alike, and of no format that an inspector would know. */
async function writeData(path: string): Promise<void> {
  const file = await open(path, 'w');
  for (let i = 0; i < mib; i++) await file.write(randomBytes(2 ** 20));
  await file.sync();
  await file.close();
}

/** Each round everything once, so that what else the machine does hits all alike. */
async function measureUploads(cloud: SimulatedCloud<unknown>, path: string): Promise<Figure[]> {
  const [hashes, copies, uploads, cpu, growth]: number[][] = [[], [], [], [], []];
  for (let round = 0; round < rounds; round++) {
    hashes!.push(await secondsOf('openssl', ['sha512', path]));
    copies!.push(await secondsOf('cp', [path, `${path}.copy`]));
    const id = await newImage(cloud);
    const cpuBefore = cloud.cpuMs();
    const memory = watchMemory(cloud.pid);
    const { seconds } = await transfer({ ...dataOf(cloud, id), path });
    uploads!.push(seconds);
    growth!.push(memory.stop());
    cpu!.push(cloud.cpuMs() - cpuBefore);
    await removeImage(cloud, id);
  }
  const allowed = rate(median(hashes!) + median(copies!));
  const share = (rate(median(uploads!)) / allowed) * 100;
  return [
    { what: `openssl sha512 and cp of ${mib} MiB, one after the other`, value: `${allowed.toFixed(0)} MB/s` },
    {
      what: `Upload of ${mib} MiB`,
      value: `${rate(median(uploads!)).toFixed(0)} MB/s, ${share.toFixed(0)} % of that; ${median(cpu!)} ms of processor`,
      target: 'at least 80 %',
    },
    { what: 'Memory meanwhile', value: `${Math.max(...growth!).toFixed(0)} MB more at most`, target: 'under 50 MB' },
  ];
}

async function measureDownloads(cloud: SimulatedCloud<unknown>, path: string): Promise<Figure[]> {
  const id = await newImage(cloud);
  await transfer({ ...dataOf(cloud, id), path });
  const server = spawn(process.execPath, [join(import.meta.dirname, 'bare-server.ts'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = await once(server.stdout, 'data');
    const [bare, ours, cpu, growth]: number[][] = [[], [], [], []];
    for (let round = 0; round < rounds * 2; round++) {
      bare!.push((await transfer({ url: `http://127.0.0.1:${Number(port)}/`, headers: {} })).seconds);
      const cpuBefore = cloud.cpuMs();
      const memory = watchMemory(cloud.pid);
      ours!.push((await transfer(dataOf(cloud, id))).seconds);
      growth!.push(memory.stop());
      cpu!.push(cloud.cpuMs() - cpuBefore);
    }
    const share = (median(bare!) / median(ours!)) * 100;
    return [
      { what: 'A server of Node.js alone', value: `${rate(median(bare!)).toFixed(0)} MB/s` },
      {
        what: `Download of ${mib} MiB`,
        value: `${rate(median(ours!)).toFixed(0)} MB/s, ${share.toFixed(0)} % of that; ${median(cpu!)} ms of processor`,
        target: 'at least 2,000 MB/s or 80 %',
      },
      { what: 'Memory meanwhile', value: `${Math.max(...growth!).toFixed(0)} MB more at most`, target: 'under 50 MB' },
    ];
  } finally {
    server.kill();
    await removeImage(cloud, id);
  }
}

const rate = (seconds: number) => (mib * 2 ** 20) / 1e6 / seconds;

const dataOf = ({ url, token }: SimulatedCloud<unknown>, id: string): Transfer => ({
  url: `${url}/image/v2/images/${id}/file`,
  headers: { 'x-auth-token': token, 'content-type': 'application/octet-stream' },
});

async function newImage({ url }: SimulatedCloud<unknown>): Promise<string> {
  const client = await logIn(url, administrator('admin'));
  return (await client.post('/image/v2/images', { disk_format: 'raw', container_format: 'bare' })).id;
}

async function removeImage({ url }: SimulatedCloud<unknown>, id: string): Promise<void> {
  await (await logIn(url, administrator('admin'))).delete(`/image/v2/images/${id}`);
}

async function transfer(asked: Transfer): Promise<Transferred> {
  const input = JSON.stringify(asked);
  const [program, file] = asked.path === undefined ? [process.execPath, 'transfer.ts'] : ['python3', 'send_file.py'];
  return JSON.parse(await execute(program, [join(import.meta.dirname, file)], { input }));
}

async function secondsOf(program: string, args: string[]): Promise<number> {
  const begun = performance.now();
  await execute(program, args);
  return (performance.now() - begun) / 1000;
}

/** Anonymous memory of a process, looked at often; `stop` says how many MB it grew by at most. */
function watchMemory(pid: number): { stop(): number } {
  const now = () => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^RssAnon:\s+(\d+) kB/m)?.[1]) * 1.024e-3;
  const before = now();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, now());
  }, 20);
  return {
    stop() {
      clearInterval(timer);
      return most - before;
    },
  };
}
