/** One process of the cloud: reads its configuration, runs the roles it names, and stops on a signal. */
import { hostname } from 'node:os';
import { buildCloud } from './cloud.ts';
import { readConfig } from './common/config/config.ts';
import { configHelp } from './common/config/help.ts';
import { endProcess } from './common/end-process.ts';
import { createLogger } from './common/logger.ts';
import { Secret } from './common/secret.ts';
import { databaseUrl } from './host/engines/postgres.ts';

if (process.argv.includes('--help')) {
  process.stdout.write(configHelp());
  process.exit(0);
}
const given = await readConfig(process.env, process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`${error.message}\nmain.ts --help lists every setting.\n`);
  process.exit(2);
});
const config = {
  ...given,
  hostName: given.hostName || hostname(),
  databaseUrl: given.databaseUrl.reveal() === '' ? new Secret(databaseUrl(given.dataDir)) : given.databaseUrl,
};
const log = createLogger(config.logLevel);
const cloud = await buildCloud(config, log);
await cloud.start();
log.info({ url: cloud.url(), roles: [...config.roles] }, 'started');

/** A database or an engine that hangs can keep us waiting; whoever stops us does not wait for ever, either. */
const longestStopMs = 10_000;
let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, async () => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.warn('what is under way does not end: the next process takes it up');
      void endProcess(1);
    }, longestStopMs);
    await cloud.stop();
    await endProcess(0);
  });
