/** How long a host takes to get an image, against what copying and hashing the same file take by themselves. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { createImageCache } from '../../compute/image-cache/cache.ts';
import { execute } from '../../host/execute.ts';
import { openFileStore } from '../../image/stores/files/files.ts';
import { type Figure, median, milliseconds } from './figures.ts';

const mib = 512;
const rounds = 5;

export async function measureImageCache(): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-bench-'));
  try {
    const store = openFileStore(join(directory, 'store'));
    const dataId = randomUUID();
    const { sizeBytes, sha512 } = await store.put(dataId, data());
    const path = (await store.localPath(dataId))!;
    const fetch = (localPath: () => Promise<string | undefined>) => async () => {
      const cache = createImageCache({
        directory: join(directory, randomUUID()),
        source: async () => ({ sizeBytes, sha512, localPath, open: (range) => store.open(dataId, range) }),
        log: pino({ level: 'silent' }),
      });
      const id = randomUUID();
      await cache.ensure(id);
      await cache.removeUnless(id, async () => false);
    };
    const copy = join(directory, 'copy');
    const timed: Record<string, () => Promise<unknown>> = {
      cp: () => execute('cp', ['--reflink=never', path, copy]).then(() => rm(copy)),
      'cp and fsync': () =>
        execute('cp', ['--reflink=never', path, copy])
          .then(() => execute('sync', ['--data', copy]))
          .then(() => rm(copy)),
      'openssl dgst -sha512': () => execute('openssl', ['dgst', '-sha512', path]),
      'into the cache, streamed from a store': fetch(async () => undefined),
      'into the cache, from the same file system': fetch(async () => path),
    };
    const taken = new Map<string, number[]>();
    const processor = new Map<string, number[]>();
    const delays: ReturnType<typeof monitorEventLoopDelay>[] = [];
    const before = process.memoryUsage.rss();
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 20);
    // In turn, so that whatever else the machine does meets all of them.
    for (let round = 0; round < rounds; round++)
      for (const [what, run] of Object.entries(timed)) {
        const delay = monitorEventLoopDelay({ resolution: 10 });
        delay.enable();
        const begun = performance.now();
        const cpuBefore = process.cpuUsage();
        await run();
        const { user, system } = process.cpuUsage(cpuBefore);
        taken.set(what, [...(taken.get(what) ?? []), performance.now() - begun]);
        delay.disable();
        if (!what.startsWith('into')) continue;
        delays.push(delay);
        processor.set(what, [...(processor.get(what) ?? []), (user + system) / 1000]);
      }
    clearInterval(watch);
    const figures = [...taken].map(([what, samples]) => ({
      what: `${mib} MiB: ${what}`,
      value: `${milliseconds(samples)}, ${((mib * 1000) / median(samples)).toFixed(0)} MiB/s${ofProcessor(processor.get(what))}`,
    }));
    const worst = (of: (delay: ReturnType<typeof monitorEventLoopDelay>) => number) =>
      Math.max(...delays.map(of)) / 1e6;
    const waits = `p99 ${worst((one) => one.percentile(99)).toFixed(1)} ms, most ${worst(({ max }) => max).toFixed(0)} ms`;
    return [
      ...figures,
      { what: 'requests meanwhile wait for the processor', value: waits },
      { what: 'memory grows by', value: `${((most - before) / 2 ** 20).toFixed(0)} MiB` },
    ];
  } finally {
    await rm(directory, { recursive: true });
  }
}

function ofProcessor(samples: number[] | undefined): string {
  return samples === undefined ? '' : `; ${median(samples).toFixed(0)} ms of processor`;
}

/** Nothing that a file system could make small. */
async function* data(): AsyncGenerator<Buffer> {
  const piece = randomBytes(2 ** 20);
  for (let n = 0; n < mib; n++) yield piece;
}
