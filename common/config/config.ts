import { readFile } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import { BadRequest } from '../errors.ts';
import { validator } from '../http/validate.ts';
import { Secret } from '../secret.ts';

const closed = { additionalProperties: false };
const text = (fallback: string, description: string) => Type.String({ default: fallback, description });
const count = (fallback: number, description: string, maximum = 1_000_000) =>
  Type.Integer({ default: fallback, minimum: 0, maximum, description });

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
    limitModel: Type.Union([Type.Literal('flat'), Type.Literal('strict_two_level')], {
      default: 'flat',
      description:
        'How the limits of projects and domains relate: flat, or strict_two_level (no project has more than its domain, and projects are not below projects)',
    }),
    roles: text('api,controller,agent', 'What this process does: any of api, controller, agent, separated by commas'),
    logLevel: text('info', 'trace, debug, info, warn or error'),
    policyFile: text(
      '',
      'Changes to the policy, YAML or JSON; empty means policy.yaml in the data directory, if there is one',
    ),
    federationFile: text(
      '',
      'Whose logins count here, JSON (identity/federation/README.md); empty means federation.json in the data directory, if there is one',
    ),
    tokenSeconds: Type.Integer({ default: 3600 * 8, minimum: 60, description: 'How long a token is valid' }),
    lockoutFailureAttempts: count(0, 'Failed logins in a row after which a user is locked out; 0: never', 1000),
    lockoutDuration: count(
      1800,
      'Seconds for which they stay locked out; 0: until an administrator enables them again',
    ),
    disableUserAccountDaysInactive: count(0, 'Days without a login after which a user is disabled; 0: never', 36500),
    passwordExpiresDays: count(0, 'Days for which a password may be used; 0: for ever', 36500),
    uniqueLastPasswordCount: count(0, 'So many passwords in a row that users choose must differ; 0: none', 24),
    minimumPasswordAge: count(0, 'Days for which users must keep a password that they chose', 36500),
    passwordRegex: text('', 'Regular expression that passwords must match; lookaheads may stand at its beginning'),
    passwordRegexDescription: text('', 'What it demands, in words for who chooses a password'),
    changePasswordUponFirstUse: Type.Boolean({
      default: false,
      description: 'Whether a password that an administrator set only serves for choosing another',
    }),
    totpIncludedPreviousWindows: count(1, 'Half minutes for which a passcode (TOTP) still counts after its own', 10),
    failedLoginsPerAccount: count(
      10,
      'Failed logins a minute as one user from one address; more are answered 429 without a look; 0: any number',
    ),
    failedLoginsPerAddress: count(100, 'The same as any user from one address; behind a proxy set trustedProxies'),
    failedPasscodesPerUser: count(
      100,
      'Wrong passcodes (TOTP) an hour of one user, from all addresses; for more their passcodes wait; 0: any number',
    ),
    applicationCredentialsPerUser: count(100, 'Most application credentials of a user; 0: any number'),
    accessRulesPerUser: count(1000, 'Most access rules of a user; 0: any number'),
    accessRulesPerApplicationCredential: count(100, 'Most access rules of an application credential; 0: any number'),
    credentialsPerUser: count(200, 'Most credentials of a user, those of type ec2 apart; 0: any number'),
    ec2CredentialsPerUser: count(200, 'Most credentials of type ec2 of a user; 0: any number'),
    totpSecretsPerUser: count(5, 'Most credentials of type totp of a user; 0: any number'),
    trustsPerUser: count(200, 'Most trusts that a user has given; 0: any number'),
    trustedProxies: text(
      '',
      'Addresses or networks, separated by commas, whose X-Forwarded-For is believed; empty means nobody’s',
    ),
    imageStoresFile: text(
      '',
      'Where images are kept, JSON (image/stores/README.md); empty means image-stores.json in the data directory, if there is one, and images in the data directory without it',
    ),
    imageMaximumVirtualGib: count(
      64 * 1024,
      'GiB of the largest disk that an image may hold, however small it is itself',
      1024 * 1024,
    ),
    propertyProtectionFile: text(
      '',
      'Who may do what with which property of images (image/property-protection/README.md); empty means property-protections.conf in the data directory, if there is one',
    ),
    propertyProtectionRuleFormat: Type.Union([Type.Literal('roles'), Type.Literal('policies')], {
      default: 'roles',
      description: 'What that file names: roles, or policies (rules of the policy)',
    }),
    imageSizeCap: Type.Integer({
      default: 2 ** 40,
      minimum: 1,
      maximum: 2 ** 53 - 1,
      description: 'Bytes of the largest image that is taken',
    }),
    importMethods: text(
      'glance-direct,web-download,copy-image',
      'Ways in which users may import images, separated by commas: glance-direct, web-download; and copy-image, from store to store',
    ),
    importAllowedPorts: text('80,443', 'Ports that images are downloaded from, separated by commas'),
    importAllowedCidrs: text(
      '',
      'Networks that images are downloaded from although they are not public, separated by commas',
    ),
    importMaximumGib: count(1024, 'GiB of the largest image that is downloaded', 1024),
    importTimeoutSeconds: Type.Integer({
      default: 7200,
      minimum: 1,
      maximum: 604800,
      description: 'Seconds after which a download is given up',
    }),
    importConvertTo: Type.Union([Type.Literal('none'), Type.Literal('qcow2'), Type.Literal('raw')], {
      default: 'none',
      description: 'What disks become when they are imported: qcow2, raw, or none of these',
    }),
    importConvertSeconds: Type.Integer({
      default: 3600,
      minimum: 1,
      maximum: 604800,
      description: 'Seconds after which a conversion is given up',
    }),
    importConvertUid: Type.Integer({
      default: 1879050001,
      minimum: 1,
      maximum: 2 ** 31 - 1,
      description: 'Number of the user that conversions run as, who should be nobody else',
    }),
    importInjectProperties: text('', 'Properties that imported images get, a JSON object of strings'),
    importInjectIgnoredRoles: text('admin', 'Roles whose imports do not get them, separated by commas'),
    registry: text(
      '',
      'Where the registry server listens: unix:PATH or http://HOST:PORT; empty means the one of bin/up on this host',
    ),
    registryKeepUnreferencedSeconds: Type.Integer({
      default: 24 * 3600,
      minimum: 60,
      description: 'Seconds for which the registry keeps what no manifest refers to: no push may take longer',
    }),
    schedulerFilters: text(
      'all',
      'What hosts are asked beside having room, separated by commas (compute/README.md); all: whatever there is',
    ),
    schedulerWeights: text(
      '',
      'How much the weighers that choose among hosts count, as RAMWeigher=1,CPUWeigher=0.5 (compute/README.md)',
    ),
    cpuAllocationRatio: text(
      '16',
      'How often the CPUs of hosts are promised, where nothing is said of one in Placement',
    ),
    ramAllocationRatio: text('1', 'How often their memory is'),
    diskAllocationRatio: text('1', 'How often their disk is'),
    reservedHostCpus: count(0, 'CPUs of each host that are kept for itself'),
    reservedHostMemoryMib: count(512, 'MiB of memory that are', 1_000_000_000),
    reservedHostDiskGib: count(0, 'GiB of disk that are', 1_000_000_000),
    reclaimServerSeconds: count(
      0,
      'Seconds for which a deleted server is kept, shut down, and can be restored; 0: none',
      2_592_000,
    ),
    shelvedOffloadSeconds: Type.Integer({
      default: 0,
      minimum: -1,
      maximum: 2_592_000,
      description:
        'Seconds for which a shelved server keeps its host; 0: not at all, -1: until an administrator says so',
    }),
    forceConfigDrive: Type.Boolean({
      default: false,
      description: 'Whether every new server gets a config drive, also one that does not ask for it',
    }),
    metadataCacheSeconds: count(
      5,
      'Seconds for which the metadata service may tell a server what was true of it before',
      60,
    ),
    vendorDataFile: text('', 'JSON object that every server is told as vendor data; empty means none'),
    vendorDataTargets: text(
      '',
      'Services that are asked for vendor data of each server, as name@url, separated by commas (compute/metadata/README.md)',
    ),
    vendorDataTimeoutSeconds: Type.Integer({
      default: 5,
      minimum: 1,
      maximum: 20,
      description: 'Seconds that a server waits for one of them',
    }),
    consoleTokenSeconds: Type.Integer({
      default: 600,
      minimum: 1,
      maximum: 86_400,
      description: 'Seconds for which the address of a console can be opened, once',
    }),
    consolesPerServer: count(10, 'Most consoles of a server that are open at a time', 1000),
    consolesPerUser: count(50, 'Most consoles that a user has open at a time', 100_000),
    consoleAllowedOrigins: text(
      '',
      'Origins, separated by commas, whose pages may open consoles beside our own, as https://portal.example',
    ),
    consoleAddress: text(
      '',
      'How agents of other hosts reach this process to show consoles, as ws://10.0.0.1:5000; empty means ws://<listenHost>:<listenPort>',
    ),
    resizeConfirmSeconds: count(
      0,
      'Seconds after which a resize or migration that nobody confirmed or reverted is confirmed; 0: never',
      31_536_000,
    ),
    hostDownSeconds: Type.Integer({
      default: 30,
      minimum: 15,
      maximum: 3600,
      description: 'Seconds without a sign of life of this host, or of its engine, after which it is down',
    }),
    resumeGuestsOnHostBoot: Type.Boolean({
      default: true,
      description:
        'Whether servers that ran when this host went down run again once it is back; else they stay shut down until they are started',
    }),
    fencing: Type.Union([Type.Literal('none'), Type.Literal('guard')], {
      default: 'none',
      description:
        'What ends the servers of this host when its agent has been silent for hostDownSeconds, less five, alive or not: nothing, or (guard) a program beside it. Then the database must not be away for so long either',
    }),
    evacuationPolicy: Type.Union([Type.Literal('none'), Type.Literal('forced-down'), Type.Literal('fenced')], {
      default: 'none',
      description:
        'Whose servers are made anew on other hosts without anybody asking, with what their image holds: none’s; (forced-down) those of hosts that somebody forced down; or (fenced) also those of silent hosts whose guard has ended them',
    }),
    evacuateAfterSeconds: count(
      60,
      'Seconds of silence after which that happens to fenced hosts; hostDownSeconds at least',
      86_400,
    ),
    migrationListen: text(
      '',
      'HOST:PORT where this host lets servers of other hosts in, as their agents reach it; empty means that it takes none',
    ),
    drivers: text('real', 'real, or simulated for development without engines'),
    imageCacheMaximumGib: count(
      10,
      'GiB of images that a host keeps for its servers, and as many for its containers; those that nothing stands on go, longest unused first; 0: any number',
    ),
    imageCacheUnusedHours: count(24, 'Hours for which a host keeps an image that nothing stands on', 87600),
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

type Settings = Record<string, string | number | boolean>;

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
    (schema as unknown as { default: string | number | boolean }).default,
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

function typed(key: string, value: string): string | number | boolean {
  const { type } = (ConfigSchema.properties as Record<string, { type?: string }>)[key] ?? {};
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return type === 'integer' && /^-?\d+$/.test(value) ? Number(value) : value;
}
