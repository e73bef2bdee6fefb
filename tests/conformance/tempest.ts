/** Debian's tempest: installed, told of a cloud in a workspace of its own, and run to its end. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute } from '../../host/execute.ts';
import { installPackages } from '../../host/packages.ts';
import { personas } from '../personas.ts';
import { readSubunit, type TestResult } from './subunit.ts';
import type { Suite } from './suites.ts';

const program = '/usr/bin/tempest';
const library = '/usr/lib/python3/dist-packages';
const mostSeconds = 40 * 60;

export async function installTempest(): Promise<void> {
  if (!existsSync(program)) await installPackages(['tempest']);
}

/** Runs the tests of a suite against the cloud at that URL. @throws when it finds no test or takes too long. */
export async function runTempest(url: string, suite: Suite): Promise<TestResult[]> {
  const workspace = await mkdtemp(join(tmpdir(), 'cirrostack-tempest-'));
  try {
    await mkdir(join(workspace, 'etc'));
    await writeFile(join(workspace, 'etc', 'tempest.conf'), ini(configuration(url, workspace, suite)));
    const discovery = { DEFAULT: { test_path: `${library}/tempest/test_discover`, top_dir: library, group_regex } };
    await writeFile(join(workspace, '.stestr.conf'), ini(discovery));
    // Of an environment, only what it needs: its own Python, and nothing that names another cloud.
    const env = { PATH: '/usr/bin:/bin', HOME: workspace, LC_ALL: 'C.UTF-8' };
    const printed = await run(
      ['run', '--regex', suite.regex, '--concurrency', String(suite.workers ?? 2)],
      workspace,
      env,
    );
    const repository = join(workspace, '.stestr');
    const stream = (await readdir(repository).catch(() => [])).find((name) => /^\d+$/.test(name));
    if (stream === undefined) throw new Error(`tempest ran nothing: ${printed.slice(-2000)}`);
    return readSubunit(await execute('/usr/bin/subunit-2to1', [join(repository, stream)], { cwd: workspace, env }));
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

/** One worker runs all tests of a class, which share what the class has made. */
const group_regex = '([^\\.]*\\.)*';

function configuration(url: string, workspace: string, suite: Suite): Suite['conf'] {
  const region = 'RegionOne';
  return {
    ...suite.conf,
    DEFAULT: { log_file: join(workspace, 'tempest.log') },
    oslo_concurrency: { lock_path: join(workspace, 'lock') },
    auth: {
      use_dynamic_credentials: true,
      admin_username: 'admin',
      admin_password: personas.admin.password,
      admin_project_name: personas.admin.project,
      admin_domain_name: 'Default',
    },
    identity: {
      uri_v3: `${url}/identity/v3`,
      auth_version: 'v3',
      region,
      v3_endpoint_type: 'public',
      ...suite.conf.identity,
    },
    service_available: { nova: true, glance: true, neutron: true, cinder: false, swift: false, horizon: false },
  };
}

function ini(sections: Suite['conf']): string {
  return Object.entries(sections)
    .map(
      ([name, options]) =>
        `[${name}]\n${Object.entries(options)
          .map(([key, value]) => `${key} = ${value}\n`)
          .join('')}`,
    )
    .join('\n');
}

/** @returns what it printed, whether its tests passed or not. Its workers end with it, also when it takes too long. */
function run(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const output of [child.stdout, child.stderr])
      output.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
      });
    const endAll = () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    };
    const timer = setTimeout(() => {
      endAll();
      reject(new Error(`tempest did not end within ${mostSeconds} s: ${printed.slice(-2000)}`));
    }, mostSeconds * 1000);
    process.once('exit', endAll);
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      process.off('exit', endAll);
      resolve(printed);
    });
  });
}
