/** `bin/down`: stops what `bin/up` started; with --purge leaves nothing of ours on this host. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { stopApiProcess } from './api-process.ts';
import { runCommand } from './command.ts';
import { docker } from './engines/docker.ts';
import type { Engine, HostContext } from './engines/engine.ts';
import { engines } from './engines/engines.ts';
import { libvirt } from './engines/libvirt.ts';
import { ovn } from './engines/ovn.ts';
import { ovs } from './engines/ovs.ts';
import { postgres } from './engines/postgres.ts';
import { removeDatabaseUser } from './engines/postgres-binaries.ts';
import { endGuard, isGuardLeft, tellOfNoGuard } from './guard.ts';
import { removeContainers, removeServers, stopContainers, stopServers } from './guests.ts';
import { removeMetadataDoors } from './metadata-doors.ts';
import { contextOf, defaultDataDir, parseOptions, readSettings } from './options.ts';
import { removeDataDir, removeLinks, removeOvnRows, removePorts, removeServerLogs } from './purge.ts';
import { resumeLater } from './resume.ts';
import { startSteps } from './steps.ts';

const help = `Usage: bin/down [OPTIONS]

Stops the cloud: Cirrostack, its servers and containers, and those engines that bin/up started. bin/up starts it again,
with everything that was running.

  --purge         also remove all state: servers, containers, networks, images, database, users, passwords
  --data-dir DIR  where the cloud keeps everything (${defaultDataDir})
`;

await runCommand(help, process.argv.slice(2), async (argv) => {
  const options = parseOptions(argv, {
    'data-dir': { type: 'string', default: defaultDataDir },
    purge: { type: 'boolean', default: false },
  });
  await down(resolve(options['data-dir']), options.purge);
  return 0;
});

async function down(dataDir: string, all: boolean): Promise<void> {
  const context = contextOf(dataDir, await readSettings(dataDir));
  const steps = startSteps();
  const failures: Error[] = [];
  // What cannot be stopped is told at the end, after all the rest was.
  const step = (title: string, work: () => Promise<unknown>) =>
    steps.step(title, work).catch((error: Error) => {
      failures.push(error);
    });
  // First: nobody then starts again what is being stopped.
  await step('Cirrostack', async () => ((await stopApiProcess(context)) ? 'stopped' : 'was not running'));
  // Its own servers, which are given time to shut down, are not to be ended meanwhile.
  const isLeft = await isGuardLeft(context);
  const isToldOf = isLeft && (await postgres.answers(context)) && (await tellOfNoGuard(context));
  if (isToldOf) await step('Guard', () => endGuard(context, { isToldOf }));
  if (!all && (await postgres.answers(context))) await step('To be resumed', () => resumeLater(context));
  if (all && existsSync(dataDir)) {
    for (const engine of [libvirt, docker, ovs, ovn])
      await step(`${engine.name}, to clean up`, () => engine.start(context));
  }
  await whereAnswers(libvirt, context, async () => {
    await step('Servers', async () => `${await stopServers(all ? 0 : 30)} stopped`);
    if (all) await step('Definitions of servers', async () => `${await removeServers()} removed`);
  });
  if (isLeft && !isToldOf) await step('Guard', () => endGuard(context, { isToldOf }));
  await whereAnswers(docker, context, async () => {
    await step('Containers', async () => `${await stopContainers(all ? 0 : 10)} stopped`);
    if (all) await step('Containers and their images', async () => `${await removeContainers()} removed`);
  });
  await step('Doors to metadata', async () => {
    const switchAnswers = await ovs.answers(context);
    return `${await removeMetadataDoors({ switchAnswers })} removed`;
  });
  if (all) {
    await whereAnswers(ovn, context, () => step('Networks', removeOvnRows));
    await whereAnswers(ovs, context, () => step('Ports and bridges', removePorts));
    await step('Interfaces and logs', async () => {
      await removeLinks();
      await removeServerLogs();
    });
  }
  for (const engine of engines.toReversed()) await step(engine.name, () => engine.stop(context));
  if (failures.length > 0)
    throw new Error(`Not all could be done:\n${failures.map(({ message }) => `- ${message}`).join('\n')}`);
  if (all) {
    await steps.step('Data', () => removeDataDir(dataDir));
    await removeDatabaseUser();
  }
}

/** An engine that does not answer has nothing of ours that could be stopped. */
async function whereAnswers(engine: Engine, context: HostContext, work: () => Promise<unknown>): Promise<void> {
  if (await engine.answers(context)) await work();
}
