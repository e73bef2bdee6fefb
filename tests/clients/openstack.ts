/** The `openstack` client of Debian's python3-openstackclient, its commands run in one process by `run_commands.py`. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { personas } from '../personas.ts';

export interface Printed {
  code: number;
  stdout: string;
  stderr: string;
}

export interface OpenstackClient {
  /** Runs a command that has to succeed, and gives what it prints as JSON; undefined when it prints nothing. */
  // biome-ignore lint/suspicious/noExplicitAny: every command prints something else
  run(command: string, ...args: string[]): Promise<any>;
  /** Runs a command however it ends; its output is a person's. */
  attempt(command: string, ...args: string[]): Promise<Printed>;
  /** The same client with other variables; an empty one is unset. */
  with(env: Record<string, string>): OpenstackClient;
}

/** As the administrator of the personas, until `t` ends. A command's words are split at spaces; `args` are taken as they are. */
export function startOpenstack(t: ExecutionContext, url: string): OpenstackClient {
  const child = spawn('/usr/bin/python3', [new URL('run_commands.py', import.meta.url).pathname], {
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let turn: Promise<unknown> = Promise.resolve();
  const ask = (argv: string[], env: Record<string, string>): Promise<Printed> => {
    const mine = turn.then(async () => {
      child.stdin.write(`${JSON.stringify({ argv, env })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the client ended at: ${argv.join(' ')}`);
      return JSON.parse(value) as Printed;
    });
    turn = mine;
    return mine;
  };
  const client = (env: Record<string, string>): OpenstackClient => ({
    async run(command, ...args) {
      const argv = [...command.split(' '), ...args];
      const hasFormat = / (?:show|list|create|issue)(?: |$)/.test(` ${command} `);
      const { code, stdout, stderr } = await ask(hasFormat ? [...argv, '-f', 'json'] : argv, env);
      t.is(code, 0, `openstack ${argv.join(' ')}: ${stderr || stdout}`);
      return stdout.trim() === '' || !hasFormat ? undefined : JSON.parse(stdout);
    },
    attempt: (command, ...args) => ask([...command.split(' '), ...args], env),
    with: (more) => client(Object.fromEntries(Object.entries({ ...env, ...more }).filter(([, value]) => value !== ''))),
  });
  return client({
    OS_AUTH_URL: `${url}/identity/v3`,
    OS_IDENTITY_API_VERSION: '3',
    OS_USERNAME: 'admin',
    OS_PASSWORD: personas.admin.password,
    OS_PROJECT_NAME: personas.admin.project,
    OS_USER_DOMAIN_ID: 'default',
    OS_PROJECT_DOMAIN_ID: 'default',
  });
}
