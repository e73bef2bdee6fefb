/**
 * A process that does nothing but ask: `node load.ts` reads a `LoadPlan` in JSON from its input and prints one line of JSON, a
 * `LoadResult`. It is apart from what it measures, so that the two do not wait for each other's event loop.
 */
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from './figures.ts';

export interface Ask {
  method?: string;
  url: string;
  headers: Record<string, string>;
  body?: string;
}

export interface LoadPlan {
  /** One after the other, and again from the first; at least one. */
  asks: Ask[];
  /** What each must be answered with; 200 unless it is said. */
  status?: number;
  /** Requests under way at once, each on a connection of its own that is kept. */
  connections: number;
  /** All connections together; as many as are answered unless it is said. */
  atMostPerSecond?: number;
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

async function run(plan: LoadPlan): Promise<LoadResult> {
  const { asks, status = 200, connections, atMostPerSecond = Number.POSITIVE_INFINITY } = plan;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let bytes = 0;
  let next = 0;
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const { url, method = 'GET', headers, body } = asks[next++ % asks.length] as Ask;
      const asked = request(url, { agent, method, headers, timeout: 30_000 }, (answer) => {
        bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        answer.on('end', () =>
          answer.statusCode === status ? resolve() : reject(new Error(`${method} ${url}: ${answer.statusCode}`)),
        );
        answer.on('error', reject);
      });
      asked.on('timeout', () => asked.destroy(new Error('no answer within 30 s')));
      asked.on('error', reject);
      asked.end(body);
    });
  const pauseMs = (connections / atMostPerSecond) * 1000;
  const askUntil = async (deadline: number, samples: number[]) => {
    const worker = async (_: unknown, number: number) => {
      if (pauseMs > 0) await delay((pauseMs * number) / connections);
      for (
        let begun = performance.now();
        begun < deadline && samples.length < plan.mostRequests;
        begun = performance.now()
      ) {
        await ask();
        samples.push(performance.now() - begun);
        if (pauseMs > 0) await delay(Math.max(0, begun + pauseMs - performance.now()));
      }
    };
    await Promise.all(Array.from({ length: connections }, worker));
  };
  const warmUp: number[] = [];
  await askUntil(performance.now() + plan.warmUpSeconds * 1000, warmUp);
  const samples: number[] = [];
  const begun = performance.now();
  await askUntil(begun + plan.seconds * 1000, samples);
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

const result = await run(JSON.parse(await text(process.stdin)) as LoadPlan);
process.stdout.write(`${JSON.stringify(result)}\n`);
