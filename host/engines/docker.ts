/** dockerd. One that runs already is used as it is; ours keeps its data with ours and stays out of the host's network. */
import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import type { DockerVersion } from 'dockerode';
import { judgeVersions, versionsOf } from '../../compute/drivers/docker/version.ts';
import { becomes, spawnDaemon, stopRecorded, writeRecord } from '../processes.ts';
import {
  type Engine,
  fail,
  hasSystemd,
  logPath,
  ok,
  recordedProcess,
  runPath,
  startUnits,
  stopUnits,
  underTini,
  warn,
} from './engine.ts';

export const dockerSocket = '/var/run/docker.sock';

export const docker: Engine = {
  name: 'Docker',

  answers: dockerAnswers,

  async check(context) {
    try {
      const versions = versionsOf(await dockerVersion());
      const { allowed, problems } = judgeVersions(versions);
      const found = `${versions.engine}, runc ${versions.runtime}`;
      if (problems.length === 0) return [ok('Docker', found)];
      return [(allowed ? warn : fail)('Docker', found, `${problems.join('. ')}.`)];
    } catch (error) {
      const advice = `Run bin/up; ${hasSystemd() ? 'journalctl -u docker' : logPath(context, 'dockerd.log')} says why it ended.`;
      return [fail('Docker', `does not answer: ${(error as Error).message}`, advice)];
    }
  },

  async start(context) {
    if (await dockerAnswers()) return 'already running';
    if (hasSystemd()) {
      await startUnits(context, ['docker']);
    } else if ((await recordedProcess(runPath(context, 'dockerd.json'))) === undefined) {
      // It takes the pid files of before, its own and its containerd's, for running daemons as long as the kernel knows those
      // numbers: for good, where PID 1 reaps no orphans. Neither runs: containerd is killed with its dockerd.
      for (const stale of [runPath(context, 'dockerd.pid'), '/run/docker/containerd/containerd.pid'])
        await rm(stale, { force: true });
      const daemon = await spawnDaemon({
        command: 'tini', // its shims' children need a reaper too
        args: underTini(
          'dockerd',
          `--host=unix://${dockerSocket}`,
          `--data-root=${join(context.dataDir, 'docker')}`,
          `--pidfile=${runPath(context, 'dockerd.pid')}`,
          '--live-restore', // containers outlive a restart of the daemon, as guests outlive one of libvirtd
          // Tenants' containers get their ports from Open vSwitch: no bridge, and no firewall rules of Docker's own.
          ...['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'],
          '--userland-proxy=false',
          '--log-level=warn',
        ),
        logFile: logPath(context, 'dockerd.log'),
      });
      await writeRecord(runPath(context, 'dockerd.json'), daemon);
    }
    if (!(await becomes(dockerAnswers, 90, 100))) {
      throw new Error(`dockerd does not answer; ${logPath(context, 'dockerd.log')} says why`);
    }
    return 'started';
  },

  async stop(context) {
    if (hasSystemd()) return stopUnits(context, ['docker']);
    await stopRecorded(runPath(context, 'dockerd.json'), { graceSeconds: 30 });
  },
};

function dockerAnswers(): Promise<boolean> {
  return dockerVersion().then(
    () => true,
    () => false,
  );
}

function dockerVersion(): Promise<DockerVersion> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: dockerSocket, path: '/version', timeout: 10_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body) as DockerVersion);
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer within 10 s')));
    asked.on('error', reject);
    asked.end();
  });
}
