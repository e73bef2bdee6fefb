/** The `glance` client, which comes with Debian's `openstack` and has the commands for images that the latter lacks. */
import type { ExecutionContext } from 'ava';
import { type Persona, personas } from '../personas.ts';
import { startRunner } from './runner.ts';

/** Gives what the command prints; throws what it says when it fails. */
export type Glance = (command: string, args?: string[]) => Promise<string>;

/** As an administrator and as a member of a project, until `t` ends. */
export function startGlance(t: ExecutionContext, url: string): { admin: Glance; member: Glance } {
  const run = startRunner(t);
  const as =
    (persona: Persona): Glance =>
    async (command, args = []) => {
      const { code, stdout, stderr } = await run('glance', [command, ...args], {
        OS_AUTH_URL: `${url}/identity/v3`,
        OS_USERNAME: persona,
        OS_PASSWORD: personas[persona].password,
        OS_PROJECT_NAME: personas[persona].project ?? '',
        OS_USER_DOMAIN_ID: 'default',
        OS_PROJECT_DOMAIN_ID: 'default',
      });
      if (code !== 0) throw new Error(`glance ${command} ${args.join(' ')}: ${stderr || stdout}`);
      return stdout;
    };
  return { admin: as('admin'), member: as('member') };
}

/** A line of the tables that it prints. */
export const row = (key: string, value: string) => new RegExp(`^\\| ${key} +\\| ${value} +\\|$`, 'm');
