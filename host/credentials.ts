/** The passwords that `bin/up` made up, and the files by which OpenStack's clients use them. All are 0600. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from './files.ts';
import type { Login } from './seed/client.ts';
import { demoName } from './seed/demo.ts';

export interface Credentials {
  admin: Login;
  demo: Login;
  /** Whether the administrator was made with this password. Not again: it may have been changed since. */
  bootstrapped: boolean;
  /** Whether flavors, images and the demo project were made. Not again: they may have been removed on purpose. */
  seeded: boolean;
}

export async function readCredentials(dataDir: string): Promise<Credentials> {
  const kept = await readFile(join(dataDir, 'credentials.json'), 'utf8').catch(() => undefined);
  if (kept !== undefined) return JSON.parse(kept) as Credentials;
  const password = () => randomBytes(18).toString('base64url');
  return {
    admin: { user: 'admin', password: password(), project: 'admin' },
    demo: { user: demoName, password: password(), project: demoName },
    bootstrapped: false,
    seeded: false,
  };
}

export async function keepCredentials(dataDir: string, credentials: Credentials): Promise<void> {
  await writeWhole(join(dataDir, 'credentials.json'), `${JSON.stringify(credentials, null, 2)}\n`, 0o600);
}

/** Writes `clouds.yaml` (clouds `cirrostack-admin` and `cirrostack`) and `openrc` (the demo user). */
export async function writeClientFiles(dataDir: string, url: string, region: string, { admin, demo }: Credentials) {
  const authUrl = `${url}/identity/v3`;
  // JSON strings are YAML strings.
  const cloud = (name: string, { user, password, project }: Login) => `  ${name}:
    auth:
      auth_url: ${JSON.stringify(authUrl)}
      username: ${JSON.stringify(user)}
      password: ${JSON.stringify(password)}
      project_name: ${JSON.stringify(project)}
      user_domain_id: default
      project_domain_id: default
    region_name: ${JSON.stringify(region)}
    identity_api_version: 3
`;
  const clouds = `clouds:\n${cloud('cirrostack-admin', admin)}${cloud('cirrostack', demo)}`;
  await writeWhole(join(dataDir, 'clouds.yaml'), clouds, 0o600);
  const variables = {
    OS_AUTH_URL: authUrl,
    OS_USERNAME: demo.user,
    OS_PASSWORD: demo.password,
    OS_PROJECT_NAME: demo.project,
    OS_USER_DOMAIN_ID: 'default',
    OS_PROJECT_DOMAIN_ID: 'default',
    OS_REGION_NAME: region,
    OS_IDENTITY_API_VERSION: '3',
  };
  // Our values hold no quote: a URL, names of ours, base64url.
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`);
  await writeWhole(join(dataDir, 'openrc'), `unset OS_CLOUD\n${lines.join('')}`, 0o600);
}
