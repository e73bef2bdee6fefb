/** What `bin/up`, `bin/down` and `cirrostack doctor` can be told, and what they remember of it. */
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { HostContext } from './engines/engine.ts';
import { writeWhole } from './files.ts';

export const defaultDataDir = '/var/lib/cirrostack';

/** Kept in the data directory, so that the next command need not be told again. */
export interface HostSettings {
  listenHost: string;
  listenPort: number;
  /** Empty: `http://<listenHost>:<listenPort>`. */
  publicUrl: string;
  externalCidr: string;
  databaseUrl: string | null;
}

const defaults: HostSettings = {
  listenHost: '127.0.0.1',
  listenPort: 5000,
  publicUrl: '',
  externalCidr: '172.24.4.0/24',
  databaseUrl: null,
};

/** The user told us something that we cannot do; the message is for them, without a stack. */
export class UsageError extends Error {}

type KnownOptions = NonNullable<Parameters<typeof parseArgs>[0]>['options'] & object;

/** Reads `argv`, which is all options. @throws UsageError */
export function parseOptions<const Options extends KnownOptions>(argv: string[], options: Options) {
  const { values, positionals } = parseOptionsAndNames(argv, options);
  if (positionals.length > 0) throw new UsageError(`Unexpected argument '${positionals[0]}'. See --help.`);
  return values;
}

/** Reads `argv`, which may name things beside its options. @throws UsageError */
export function parseOptionsAndNames<const Options extends KnownOptions>(argv: string[], options: Options) {
  try {
    return parseArgs({ args: argv, options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}. See --help.`);
  }
}

/** What was remembered, or the defaults. */
export async function readSettings(dataDir: string): Promise<HostSettings> {
  const kept = await readFile(settingsPath(dataDir), 'utf8').catch(() => '{}');
  return { ...defaults, ...(JSON.parse(kept) as Partial<HostSettings>) };
}

export async function keepSettings(dataDir: string, settings: HostSettings): Promise<void> {
  await writeWhole(settingsPath(dataDir), `${JSON.stringify(settings, null, 2)}\n`, 0o600);
}

function settingsPath(dataDir: string): string {
  return join(dataDir, 'host.json');
}

/** `HOST:PORT`, or a port alone. @throws UsageError */
export function parseListen(text: string): { listenHost: string; listenPort: number } {
  const match = text.match(/^(?:(.+):)?(\d{1,5})$/);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65535) {
    throw new UsageError(`--listen must be HOST:PORT or PORT, such as 127.0.0.1:5000, and not ${text}`);
  }
  return { listenHost: match[1]?.replace(/^\[(.*)\]$/, '$1') ?? defaults.listenHost, listenPort: port };
}

/** An IPv4 network with room for a gateway and some floating addresses. @throws UsageError */
export function parseCidr(text: string): string {
  const [address = '', length = ''] = text.split('/');
  const bits = Number(length);
  if (!isIPv4(address) || !/^\d+$/.test(length) || bits < 8 || bits > 28) {
    throw new UsageError(
      `--external-cidr must be an IPv4 network of /8 to /28, such as ${defaults.externalCidr}, and not ${text}`,
    );
  }
  if (toNumber(address) % 2 ** (32 - bits) !== 0) throw new UsageError(`--external-cidr: ${text} has host bits set`);
  return text;
}

/** The n-th address of a network. */
export function addressIn(cidr: string, n: number): string {
  const number = toNumber(cidr.split('/')[0]!) + n;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

/** The last address of a network that a host may have. */
export function lastAddress(cidr: string): string {
  return addressIn(cidr, 2 ** (32 - Number(cidr.split('/')[1])) - 2);
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

export function contextOf(dataDir: string, settings: HostSettings): HostContext {
  return {
    dataDir: resolve(dataDir),
    externalCidr: settings.externalCidr,
    externalGateway: addressIn(settings.externalCidr, 1),
    tunnelAddress: primaryAddress(),
    databaseUrl: settings.databaseUrl,
  };
}

/** An address that other hosts could reach; the loopback's when there is no other. */
function primaryAddress(): string {
  const ours = /^(br-|docker|veth|tap|virbr|ovs|genev)/;
  const addresses = Object.entries(networkInterfaces())
    .filter(([name]) => !ours.test(name))
    .flatMap(([, list]) => list ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal);
  return addresses[0]?.address ?? '127.0.0.1';
}

/** How clients reach the API. */
export function apiUrl({ publicUrl, listenHost, listenPort }: HostSettings): string {
  if (publicUrl !== '') return publicUrl.replace(/\/$/, '');
  return localUrl({ listenHost, listenPort });
}

/** How this host reaches its own API process. */
export function localUrl({ listenHost, listenPort }: { listenHost: string; listenPort: number }): string {
  const everywhere = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[listenHost];
  return `http://${everywhere ?? (listenHost.includes(':') ? `[${listenHost}]` : listenHost)}:${listenPort}`;
}
