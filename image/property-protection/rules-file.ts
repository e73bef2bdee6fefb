import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BadRequest } from '../../common/errors.ts';

export const propertyOperations = ['create', 'read', 'update', 'delete'] as const;
export type PropertyOperation = (typeof propertyOperations)[number];

/** Who may: roles, one of which is enough, or the name of one policy rule; `@` is everybody, and nothing or `!` is nobody. */
export type Permission = 'everybody' | 'nobody' | { roles: ReadonlySet<string> } | { policy: string };

/** The first whose expression is found in a property's name decides; what none is found in, nobody may. */
export interface ProtectionRule {
  expression: RegExp;
  permissions: Record<PropertyOperation, Permission>;
}

export type RuleFormat = 'roles' | 'policies';

/** The file that is named, or the one in the data directory, which need not be there. */
export function protectionFileOf({
  propertyProtectionFile,
  dataDir,
}: {
  propertyProtectionFile: string;
  dataDir: string;
}): { path: string; optional: boolean } {
  return propertyProtectionFile === ''
    ? { path: join(dataDir, 'property-protections.conf'), optional: true }
    : { path: propertyProtectionFile, optional: false };
}

/** Throws `BadRequest`, naming the file, when it is not there or not valid. */
export async function readProtectionFile(path: string, format: RuleFormat): Promise<ProtectionRule[]> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new BadRequest(`The property protection file ${path} cannot be read: ${error.code}.`, { cause: error });
  });
  try {
    return parseProtections(content, format);
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    throw new BadRequest(`The property protection file ${path} is not valid: ${error.message}`, { cause: error });
  }
}

const mostBytes = 1024 * 1024;

/**
 * Glance's `property_protection_file` (glance/common/property_utils.py): a section for each expression, and in it all four
 * operations. A file without a section protects nothing. Throws `BadRequest`.
 */
export function parseProtections(content: string, format: RuleFormat): ProtectionRule[] {
  if (Buffer.byteLength(content) > mostBytes) throw new BadRequest(`it is larger than ${mostBytes} bytes.`);
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  for (const [i, raw] of content.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const wrong = (why: string) => new BadRequest(`line ${i + 1}: ${why}`);
    const [, name] = /^\[(.+)\]$/.exec(line) ?? [];
    if (name !== undefined) {
      if (sections.has(name)) throw wrong(`a second section [${name}].`);
      section = new Map();
      sections.set(name, section);
      continue;
    }
    const [, key = '', value] = /^([A-Za-z]+)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    const operation = key.toLowerCase();
    if (value === undefined || !propertyOperations.some((known) => known === operation))
      throw wrong(`expected [expression], or one of ${propertyOperations.join(', ')}, "=" and who may.`);
    if (section === undefined) throw wrong('it belongs to no section.');
    if (section.has(operation)) throw wrong(`a second ${operation}.`);
    section.set(operation, value);
  }
  return [...sections].map(([name, values]) => ruleOf(name, values, format));
}

function ruleOf(name: string, values: ReadonlyMap<string, string>, format: RuleFormat): ProtectionRule {
  const permissions = propertyOperations.map((operation) => {
    const value = values.get(operation);
    if (value === undefined) throw new BadRequest(`[${name}] does not say who may ${operation}.`);
    return [operation, permissionOf(`[${name}] ${operation}`, value, format)] as const;
  });
  return {
    expression: expressionOf(name),
    permissions: Object.fromEntries(permissions) as ProtectionRule['permissions'],
  };
}

function expressionOf(name: string): RegExp {
  try {
    return new RegExp(name, 'u');
  } catch (error) {
    throw new BadRequest(`[${name}] is no regular expression: ${(error as Error).message}`, { cause: error });
  }
}

function permissionOf(where: string, value: string, format: RuleFormat): Permission {
  const words = value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  if (words.includes('!') && words.includes('@')) throw new BadRequest(`${where}: "@" and "!" exclude each other.`);
  if (words.length === 0 || words.includes('!')) return 'nobody';
  if (words.includes('@')) return 'everybody';
  if (format === 'roles') return { roles: new Set(words.map((word) => word.toLowerCase())) };
  if (words.length > 1) throw new BadRequest(`${where}: one policy; combine several in the policy file.`);
  return { policy: words[0]! };
}
