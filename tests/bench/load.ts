/**
 * A process that does nothing but ask: `node load.ts '{"url": …}'` prints one line of JSON, a `LoadResult`. It is apart from
 * what it measures, so that the two do not wait for each other's event loop.
 */
import { Agent, request } from 'node:http';
import { quantile } from './figures.ts';

export interface LoadPlan {
  url: string;
  headers: Record<string, string>;
  /** Requests under way at once, each on a connection of its own that is kept. */
  connections: number;
  /** Asked before it counts: compilers warm up, pools fill. */
  warmUpSeconds: number;
  seconds: number;
  /** Ends it sooner. */
  mostRequests: number;
}

export interface LoadResult {
  /** Without those of the warm-up. */
  requests: number;
  requestsWithWarmUp: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Of one answer. */
  bytes: number;
}

async function run({ url, headers, connections, warmUpSeconds, seconds, mostRequests }: LoadPlan): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let bytes = 0;
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const asked = request(url, { agent, headers, timeout: 30_000 }, (answer) => {
        bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        answer.on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`))));
        answer.on('error', reject);
      });
      asked.on('timeout', () => asked.destroy(new Error('no answer within 30 s')));
      asked.on('error', reject);
      asked.end();
    });
  const askUntil = async (deadline: number, samples: number[]) => {
    const worker = async () => {
      for (
        let begun = performance.now();
        begun < deadline && samples.length < mostRequests;
        begun = performance.now()
      ) {
        await ask();
        samples.push(performance.now() - begun);
      }
    };
    await Promise.all(Array.from({ length: connections }, worker));
  };
  const warmUp: number[] = [];
  await askUntil(performance.now() + warmUpSeconds * 1000, warmUp);
  const samples: number[] = [];
  const begun = performance.now();
  await askUntil(begun + seconds * 1000, samples);
  const took = (performance.now() - begun) / 1000;
  agent.destroy();
  const p = (share: number) => quantile(samples, share);
  return {
    requests: samples.length,
    requestsWithWarmUp: warmUp.length + samples.length,
    perSecond: samples.length / took,
    p50Ms: p(0.5),
    p99Ms: p(0.99),
    bytes,
  };
}

const result = await run(JSON.parse(process.argv[2] ?? '{}') as LoadPlan);
process.stdout.write(`${JSON.stringify(result)}\n`);
