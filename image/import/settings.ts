import type { Config } from '../../common/config/config.ts';
import { BadRequest } from '../../common/errors.ts';
import { publicAddresses } from '../../common/outgoing/addresses.ts';
import type { OutgoingRules } from '../../common/outgoing/fetch.ts';
import { maximumProperties } from '../images/image.ts';
import { type ImportMethod, importMethods } from '../tasks/task.ts';
import type { ConversionSettings } from './conversion.ts';

export interface ImportSettings {
  /** What is advertised, and nothing else is accepted. */
  methods: ImportMethod['name'][];
  /** Where images are downloaded from. */
  outgoing: OutgoingRules;
  /** Put on images that are imported, but not by who has one of the ignored roles (Glance's `ignore_user_roles`). */
  injectProperties: Record<string, string>;
  injectIgnoredRoles: ReadonlySet<string>;
  conversion: ConversionSettings;
}

export type ImportConfig = Pick<
  Config,
  | 'importMethods'
  | 'importAllowedPorts'
  | 'importAllowedCidrs'
  | 'importMaximumGib'
  | 'importTimeoutSeconds'
  | 'importInjectProperties'
  | 'importInjectIgnoredRoles'
  | 'importConvertTo'
  | 'importConvertSeconds'
  | 'importConvertUid'
>;

/** Reads the operator's settings of imports. Throws `BadRequest` that names the setting. */
export function importSettings(config: ImportConfig): ImportSettings {
  return {
    methods: listOf(config.importMethods).map((word) => {
      const method = importMethods.find((name) => name === word);
      if (method === undefined)
        throw new BadRequest(`Setting importMethods: ${word} is none of ${importMethods.join(', ')}.`);
      return method;
    }),
    outgoing: {
      addresses: addressesOf(config.importAllowedCidrs),
      ports: listOf(config.importAllowedPorts).map(portOf),
      mostBytes: config.importMaximumGib * 2 ** 30,
      mostMs: config.importTimeoutSeconds * 1000,
    },
    injectProperties: propertiesOf(config.importInjectProperties),
    injectIgnoredRoles: new Set(listOf(config.importInjectIgnoredRoles)),
    conversion: {
      to: config.importConvertTo === 'none' ? null : config.importConvertTo,
      mostSeconds: config.importConvertSeconds,
      mostBytes: config.importMaximumGib * 2 ** 30,
      uid: config.importConvertUid,
    },
  };
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

function addressesOf(text: string) {
  try {
    return publicAddresses(listOf(text));
  } catch (error) {
    throw new BadRequest(`Setting importAllowedCidrs: ${(error as Error).message}`, { cause: error });
  }
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw new BadRequest(`Setting importAllowedPorts: ${text} is no port.`);
  return port;
}

function propertiesOf(text: string): Record<string, string> {
  if (text.trim() === '') return {};
  const wrong = (why: string) => new BadRequest(`Setting importInjectProperties: ${why}`);
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw wrong(`it is no JSON: ${(error as Error).message}`);
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw wrong('it must be a JSON object.');
  const entries = Object.entries(read);
  if (entries.length > maximumProperties) throw wrong(`at most ${maximumProperties} properties.`);
  for (const [key, value] of entries) {
    if (typeof value !== 'string') throw wrong(`${key} must be a string.`);
    if (!/^[A-Za-z0-9_.:-]{1,255}$/.test(key) || isOurs(key)) throw wrong(`${key} cannot be a property.`);
  }
  return Object.fromEntries(entries);
}

const fields = new Set([
  ...['id', 'name', 'status', 'visibility', 'protected', 'os_hidden', 'owner', 'disk_format', 'container_format'],
  ...['min_disk', 'min_ram', 'size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'tags', 'created_at'],
  ...['updated_at', 'self', 'file', 'schema', 'locations', 'direct_url', 'stores', 'deleted', 'deleted_at'],
]);
const isOurs = (key: string): boolean => fields.has(key) || key.startsWith('os_glance') || key === '__proto__';
