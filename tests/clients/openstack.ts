/** The `openstack` client of Debian's python3-openstackclient. */
import type { ExecutionContext } from 'ava';
import { personas } from '../personas.ts';
import { type Printed, startRunner } from './runner.ts';

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
  const run = startRunner(t);
  const ask = (argv: string[], env: Record<string, string>) => run('openstack', argv, env);
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
