import { readFile } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import { BadRequest } from '../errors.ts';
import { validator } from '../http/validate.ts';
import { Secret } from '../secret.ts';

const closed = { additionalProperties: false };
const text = (fallback: string, description: string) => Type.String({ default: fallback, description });

/** Every setting, its default and its meaning. `node main.ts --help` and docs/operations.md are made from it. */
export const ConfigSchema = Type.Object(
  {
    dataDir: text('/var/lib/cirrostack', 'Where everything of ours that must last is kept'),
    listenHost: text('127.0.0.1', 'Address the API listens on'),
    listenPort: Type.Integer({
      default: 5000,
      minimum: 0,
      maximum: 65535,
      description: 'Port of the API; 0 takes a free one',
    }),
    publicUrl: text('', 'How clients reach the API; empty means http://<listenHost>:<listenPort>'),
    databaseUrl: text('', 'PostgreSQL; empty means the embedded one in the data directory'),
    region: text('RegionOne', 'Region of every endpoint in the catalog'),
    roles: text('api,controller,agent', 'What this process does: any of api, controller, agent, separated by commas'),
    logLevel: text('info', 'trace, debug, info, warn or error'),
    policyFile: text(
      '',
      'Changes to the policy, YAML or JSON; empty means policy.yaml in the data directory, if there is one',
    ),
    tokenSeconds: Type.Integer({ default: 3600 * 8, minimum: 60, description: 'How long a token is valid' }),
    drivers: text('real', 'real, or simulated for development without engines'),
    hostName: text('', 'Name of this host in the cloud; empty means the kernel’s'),
    dockerSocket: text('/var/run/docker.sock', 'Socket of the Docker engine'),
    libvirtUri: text('qemu:///system', 'URI of libvirt'),
    ovnNorthbound: text('unix:/var/run/ovn/ovnnb_db.sock', 'OVN northbound database: unix:PATH or tcp:HOST:PORT'),
    ovnSouthbound: text(
      'unix:/var/run/ovn/ovnsb_db.sock',
      'OVN southbound database, to see which hosts reach which physical network',
    ),
    ovsDatapath: text('', 'system or netdev; empty asks Open vSwitch'),
    tenantMtu: Type.Integer({
      default: 1442,
      minimum: 576,
      maximum: 9000,
      description: 'Bytes a tenant network carries: the underlay’s MTU less Geneve’s overhead',
    }),
  },
  closed,
);

export type Config = Omit<Static<typeof ConfigSchema>, 'databaseUrl' | 'roles'> & {
  databaseUrl: Secret;
  roles: ReadonlySet<ProcessRole>;
};

export type ProcessRole = 'api' | 'controller' | 'agent';
const processRoles: readonly string[] = ['api', 'controller', 'agent'] satisfies ProcessRole[];

type Settings = Record<string, string | number>;

/**
 * Puts the configuration together: defaults, then the file, then `CIRROSTACK_…` variables, then `--flags`; later wins. A key
 * nobody knows is refused, wherever it stands. Throws `BadRequest` that names the setting.
 */
export function buildConfig(sources: { file?: unknown; env?: NodeJS.ProcessEnv; args?: string[] }): Config {
  const settings: Settings = {
    ...defaults(),
    ...fromFile(sources.file),
    ...fromEnv(sources.env ?? {}),
    ...fromArgs(sources.args ?? []),
  };
  const checked = validator(ConfigSchema, 'body')(settings) as Static<typeof ConfigSchema>;
  const roles = checked.roles.split(',').map((role) => role.trim());
  const unknown = roles.find((role) => !processRoles.includes(role));
  if (unknown !== undefined) throw new BadRequest(`Setting roles: ${unknown} is none of ${processRoles.join(', ')}.`);
  if (!['real', 'simulated'].includes(checked.drivers))
    throw new BadRequest('Setting drivers: must be real or simulated.');
  return { ...checked, databaseUrl: new Secret(checked.databaseUrl), roles: new Set(roles as ProcessRole[]) };
}

/** Reads `--config FILE` (or `CIRROSTACK_CONFIG`) and builds the configuration of this process. */
export async function readConfig(env: NodeJS.ProcessEnv, args: string[]): Promise<Config> {
  const at = args.indexOf('--config');
  const path = at >= 0 ? args[at + 1] : env.CIRROSTACK_CONFIG;
  const rest = at >= 0 ? args.toSpliced(at, 2) : args;
  const file: unknown = path === undefined ? undefined : JSON.parse(await readFile(path, 'utf8'));
  return buildConfig({ file, env, args: rest });
}

function defaults(): Settings {
  const entries = Object.entries(ConfigSchema.properties).map(([key, schema]) => [
    key,
    (schema as unknown as { default: string | number }).default,
  ]);
  return Object.fromEntries(entries);
}

function fromFile(file: unknown): Settings {
  if (file === undefined) return {};
  if (typeof file !== 'object' || file === null || Array.isArray(file))
    throw new BadRequest('The configuration file must be a JSON object.');
  for (const key of Object.keys(file)) known(key, `The configuration file has an unknown setting: ${key}`);
  return file as Settings;
}

/** `CIRROSTACK_LISTEN_PORT` is `listenPort`. `DATABASE_URL` counts too, as everywhere. */
function fromEnv(env: NodeJS.ProcessEnv): Settings {
  const settings: Settings = {};
  if (env.DATABASE_URL) settings.databaseUrl = env.DATABASE_URL;
  for (const [variable, value] of Object.entries(env)) {
    if (
      !variable.startsWith('CIRROSTACK_') ||
      variable === 'CIRROSTACK_CONFIG' ||
      variable.startsWith('CIRROSTACK_TEST_')
    )
      continue;
    const key = variable
      .slice('CIRROSTACK_'.length)
      .toLowerCase()
      .replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
    known(key, `Environment variable ${variable} is no setting.`);
    settings[key] = typed(key, value ?? '');
  }
  return settings;
}

/** `--listen-port 5000` or `--listen-port=5000`. */
function fromArgs(args: string[]): Settings {
  const settings: Settings = {};
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    const match = arg.match(/^--([a-z-]+)(?:=(.*))?$/s);
    const key = match?.[1]?.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase()) ?? arg;
    known(key, `Unknown option ${arg}`);
    const value = match?.[2] ?? queue.shift();
    if (value === undefined) throw new BadRequest(`Option ${arg} needs a value.`);
    settings[key] = typed(key, value);
  }
  return settings;
}

function known(key: string, message: string): void {
  if (!Object.hasOwn(ConfigSchema.properties, key)) throw new BadRequest(message);
}

function typed(key: string, value: string): string | number {
  const isNumber = (ConfigSchema.properties as Record<string, { type?: string }>)[key]?.type === 'integer';
  return isNumber && /^-?\d+$/.test(value) ? Number(value) : value;
}
