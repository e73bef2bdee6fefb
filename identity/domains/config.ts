import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import type { IdentityDeps } from '../deps.ts';
import { extraOf, mergedExtra } from '../extra.ts';
import { seal } from '../sealing.ts';
import { checkSupported, type DomainConfig, invalid, isSensitive } from './config-options.ts';
import { getDomain, lockDomain } from './store.ts';

type Deps = Pick<IdentityDeps, 'db' | 'master'>;

/** Which part of a domain's configuration: all of it, a group, or one option. */
export interface Part {
  group?: string | undefined;
  option?: string | undefined;
}

interface Row {
  group: string;
  option: string;
  value: unknown;
  sealed_value: string | null;
}

/**
 * A domain's own options, but for those that are never shown. Throws `NotFound` when there are none. They are kept for the
 * clients that manage them; users and groups of every domain are in the same database, whatever `identity.driver` says.
 */
export async function getConfig(
  db: Knex,
  domainId: string,
  part: Part = {},
): Promise<DomainConfig | Record<string, unknown>> {
  await getDomain(db, domainId);
  if (part.group !== undefined) checkSupported(part.group, part.option);
  const rows = (await rowsOf(db, domainId, part)).filter((row) => row.sealed_value === null);
  if (rows.length === 0) throw notFound(domainId, part);
  if (part.option !== undefined) return { [part.option]: rows[0]?.value };
  return grouped(rows);
}

/** Replaces all of a domain's options. Says whether there were none before. */
export async function replaceConfig(
  deps: Deps,
  domainId: string,
  config: unknown,
): Promise<{ config: DomainConfig; isNew: boolean }> {
  const checked = checkedConfig(config);
  return deps.db.transaction(async (trx) => {
    await lockDomain(trx, domainId, 'update');
    const removed = await trx('domain_config_options').where({ domain_id: domainId }).delete();
    await store(trx, deps, domainId, checked);
    return { config: await shown(trx, domainId), isNew: removed === 0 };
  });
}

/** Sets what is given and leaves the rest. A group or option that is named must be there already: throws `NotFound`. */
export async function changeConfig(deps: Deps, domainId: string, part: Part, body: unknown): Promise<DomainConfig> {
  const { group, option } = part;
  const config = checkedConfig(group !== undefined && option !== undefined ? { [group]: body } : body);
  if (group !== undefined) {
    checkSupported(group, option);
    checkOnly(config, [group]);
    if (option !== undefined) checkOnly(config[group] ?? {}, [option]);
  }
  return deps.db.transaction(async (trx) => {
    await lockDomain(trx, domainId, 'update');
    if (group !== undefined && (await rowsOf(trx, domainId, part)).length === 0) throw notFound(domainId, part);
    await store(trx, deps, domainId, config);
    return shown(trx, domainId);
  });
}

/** Throws `NotFound` when the group or option that is named is not there. */
export async function removeConfig({ db }: Deps, domainId: string, part: Part): Promise<void> {
  if (part.group !== undefined) checkSupported(part.group, part.option);
  await getDomain(db, domainId);
  const removed = await db('domain_config_options').where(conditions(domainId, part)).delete();
  if (removed === 0 && part.group !== undefined) throw notFound(domainId, part);
}

const conditions = (domainId: string, { group, option }: Part) => ({
  domain_id: domainId,
  ...(group !== undefined && { group }),
  ...(option !== undefined && { option }),
});

function rowsOf(db: Knex, domainId: string, part: Part): Promise<Row[]> {
  return db('domain_config_options').where(conditions(domainId, part)).orderBy(['group', 'option']).select();
}

async function shown(db: Knex, domainId: string): Promise<DomainConfig> {
  return grouped((await rowsOf(db, domainId, {})).filter((row) => row.sealed_value === null));
}

function grouped(rows: readonly Row[]): DomainConfig {
  const config: DomainConfig = {};
  for (const { group, option, value } of rows) config[group] = { ...config[group], [option]: value };
  return config;
}

async function store(trx: Knex, { master }: Deps, domainId: string, config: DomainConfig): Promise<void> {
  const rows = Object.entries(config).flatMap(([group, options]) =>
    Object.entries(options).map(([option, value]) => {
      const text = JSON.stringify(value);
      const kept = isSensitive(group, option)
        ? { value: null, sealed_value: seal(text, master, 'domain configuration') }
        : { value: text, sealed_value: null };
      return { domain_id: domainId, group, option, ...kept };
    }),
  );
  await trx('domain_config_options').insert(rows).onConflict(['domain_id', 'group', 'option']).merge();
}

/** Throws `Forbidden` for options that no domain can have, `BadRequest` for values that cannot be kept. */
function checkedConfig(config: unknown): DomainConfig {
  if (!isObject(config) || Object.keys(config).length === 0) throw invalid('No options specified');
  for (const [group, options] of Object.entries(config)) {
    if (!isObject(options) || Object.keys(options).length === 0)
      throw invalid(`The value of group ${group} specified in the config should be a dictionary of options`);
    for (const option of Object.keys(options)) checkSupported(group, option);
    if (Object.values(options).some(isObject))
      throw new BadRequest('The value of an option is text, a number, a boolean or a list.');
  }
  return mergedExtra({}, extraOf(config, [])) as DomainConfig;
}

function checkOnly(given: object, [name = '']: string[]): void {
  const names = Object.keys(given);
  if (names.length !== 1 || names[0] !== name)
    throw invalid(`Trying to update ${name}, so that, and only that, must be specified in the config`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notFound(domainId: string, { group, option }: Part): NotFound {
  const what =
    group === undefined
      ? 'any options'
      : option === undefined
        ? `group ${group}`
        : `option ${option} in group ${group}`;
  return new NotFound(`domain configuration of ${what} for domain`, domainId);
}
