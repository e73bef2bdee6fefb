/**
 * docker-registry, which keeps container images for image/registry. It listens on a UNIX socket in a directory that only it
 * and root may enter, asks nobody who they are, and runs as a user of its own (which Debian's package makes).
 */
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { dirname } from 'node:path';
import { registryConfig, registrySocket, registryStorage } from '../../image/registry/server-config.ts';
import { execute } from '../execute.ts';
import { becomes, spawnDaemon, stopRecorded, writeRecord } from '../processes.ts';
import { type Engine, fail, type HostContext, logPath, ok, recordedProcess, runPath } from './engine.ts';

/** Debian's package makes it. */
const user = 'docker-registry';

export const registry: Engine = {
  name: 'Registry',

  answers: registryAnswers,

  async check(context) {
    if (await registryAnswers(context)) return [ok('Registry', 'docker-registry answers')];
    const advice = `Run bin/up; if it was running, ${logPath(context, 'registry.log')} says why it ended.`;
    return [fail('Registry', 'docker-registry does not answer', advice)];
  },

  async start(context) {
    if (await registryAnswers(context)) return 'already running';
    const record = runPath(context, 'registry.json');
    if ((await recordedProcess(record)) === undefined) {
      const identity = await registryIdentity();
      const daemon = await spawnDaemon({
        command: 'docker-registry',
        args: ['serve', await prepare(context, identity)],
        logFile: logPath(context, 'registry.log'),
        ...identity,
        // What it would take of the environment could change its configuration.
        env: { PATH: process.env.PATH },
      });
      await writeRecord(record, daemon);
    }
    if (!(await becomes(() => registryAnswers(context), 30))) {
      throw new Error(`docker-registry does not answer; ${logPath(context, 'registry.log')} says why`);
    }
    return 'started';
  },

  async stop(context) {
    await stopRecorded(runPath(context, 'registry.json'), { graceSeconds: 20 });
  },
};

/** Makes its directories and its configuration. @returns the path of the latter. */
async function prepare(context: HostContext, { uid, gid }: { uid: number; gid: number }): Promise<string> {
  const socket = registrySocket(context.dataDir);
  const storage = registryStorage(context.dataDir);
  for (const directory of [dirname(socket), storage]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // All of it: what came back from a backup may be the user's of another host.
    if ((await stat(directory)).uid !== uid) await execute('chown', ['--recursive', `${uid}:${gid}`, directory]);
  }
  const path = runPath(context, 'registry', 'config.json');
  // Kept, or uploads under way would end with every restart.
  const before = await readFile(path, 'utf8').then(
    (text) => JSON.parse(text).http.secret as string,
    () => undefined,
  );
  const secret = before ?? randomBytes(32).toString('hex');
  await writeFile(path, registryConfig({ socket, storage, secret }), { mode: 0o600 });
  await chown(path, uid, gid);
  return path;
}

async function registryIdentity(): Promise<{ uid: number; gid: number }> {
  if (process.getuid!() !== 0) return { uid: process.getuid!(), gid: process.getgid!() };
  const id = async (which: '-u' | '-g') => Number((await execute('id', [which, user])).trim());
  return { uid: await id('-u'), gid: await id('-g') };
}

function registryAnswers({ dataDir }: HostContext): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath: registrySocket(dataDir), path: '/v2/', timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
