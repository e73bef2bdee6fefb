/** One process of the cloud: reads its configuration, runs the roles it names, and stops on a signal. */
import { hostname } from 'node:os';
import { buildCloud } from './cloud.ts';
import { readConfig } from './common/config/config.ts';
import { configHelp } from './common/config/help.ts';
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

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, async () => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    await cloud.stop();
    process.exit(0);
  });
