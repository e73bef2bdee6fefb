/**
 * What the operator of the cloud tells each server: the same to all, from a file, and what services answer that are asked about
 * one server (https://docs.openstack.org/nova/latest/admin/vendordata.html). No failure of theirs keeps a server from booting.
 */
import { readFile } from 'node:fs/promises';
import type { Config } from '../../common/config/config.ts';
import { BadRequest } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';

export interface VendorData {
  /** Of the file. */
  fixed: object;
  /** Answers by the names of the services. */
  dynamic: Readonly<Record<string, unknown>>;
}

export interface VendorDataSettings {
  fixed: object;
  targets: readonly { name: string; url: string }[];
  /** For one service, everything together. */
  mostMs: number;
}

/** Nobody to ask, and nothing to tell. */
export const noVendors: VendorDataSettings = { fixed: {}, targets: [], mostMs: 1000 };

/** What services are told of a server (nova/api/metadata/vendordata_dynamic.py). */
export interface VendorDataSubject {
  id: string;
  projectId: string;
  imageId: string;
  hostname: string;
  metadata: Record<string, string>;
}

const mostBytes = 256 * 1024;

/** @throws BadRequest for settings that make no sense, and for a file that holds no JSON object. */
export async function vendorDataSettings(
  config: Pick<Config, 'vendorDataFile' | 'vendorDataTargets' | 'vendorDataTimeoutSeconds'>,
): Promise<VendorDataSettings> {
  return {
    fixed: config.vendorDataFile === '' ? {} : await readFixed(config.vendorDataFile),
    targets: targetsOf(config.vendorDataTargets),
    mostMs: config.vendorDataTimeoutSeconds * 1000,
  };
}

async function readFixed(path: string): Promise<object> {
  const refused = (cause?: unknown) =>
    new BadRequest(`Setting vendorDataFile: ${path} holds no JSON object.`, { cause });
  const parsed: unknown = await readFile(path, 'utf8')
    .then(JSON.parse)
    .catch((error) => {
      throw refused(error);
    });
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw refused();
  return parsed;
}

function targetsOf(setting: string): VendorDataSettings['targets'] {
  const targets = setting
    .split(',')
    .map((target) => target.trim())
    .filter((target) => target !== '')
    .map((target) => {
      const [, name, url] = target.match(/^([^@]+)@(https?:.*)$/) ?? [];
      if (name === undefined || url === undefined || !URL.canParse(url))
        throw new BadRequest(`Setting vendorDataTargets: ${target} is not of the form name@url.`);
      return { name, url };
    });
  if (new Set(['static', ...targets.map(({ name }) => name)]).size <= targets.length)
    throw new BadRequest('Setting vendorDataTargets: each name may stand there once, and static not at all.');
  return targets;
}

/** Asks all services at once. One that fails, or takes too long, gives `{}`, and the log says why. */
export async function askVendors(
  { targets, mostMs }: VendorDataSettings,
  log: Logger,
  server: VendorDataSubject,
  userData: string | null,
): Promise<VendorData['dynamic']> {
  const body = JSON.stringify({
    'project-id': server.projectId,
    'instance-id': server.id,
    'image-id': server.imageId,
    'user-data': userData,
    hostname: server.hostname,
    metadata: server.metadata,
    'boot-roles': '', // nobody remembers them here
  });
  const answers = await Promise.all(
    targets.map(async ({ name, url }) => {
      const answer = await post(url, body, mostMs).catch((err) => {
        log.warn({ err, vendor: name, server: server.id }, 'a vendor data service gave no answer');
        return {};
      });
      return [name, answer] as const;
    }),
  );
  return Object.fromEntries(answers);
}

async function post(url: string, body: string, mostMs: number): Promise<unknown> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'openstack-nova-vendordata',
  };
  const signal = AbortSignal.timeout(mostMs);
  const answer = await fetch(url, { method: 'POST', redirect: 'error', signal, headers, body });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.length;
    if (bytes > mostBytes) throw new Error(`more than ${mostBytes} bytes`);
    parts.push(part);
  }
  return bytes === 0 ? {} : JSON.parse(Buffer.concat(parts).toString('utf8'));
}
