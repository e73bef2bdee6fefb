import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { BadRequest } from '../errors.ts';
import type { Overrides } from './policy.ts';

/** The file that is named, or the one in the data directory, which need not be there. */
export function policyFileOf({ policyFile, dataDir }: { policyFile: string; dataDir: string }): {
  path: string;
  optional: boolean;
} {
  return policyFile === ''
    ? { path: join(dataDir, 'policy.yaml'), optional: true }
    : { path: policyFile, optional: false };
}

const mostBytes = 1024 * 1024;

/**
 * Reads an operator's overrides and does with them what they are read for, such as compiling. Throws `BadRequest`, naming the
 * file, when it is not there or what it holds is not valid.
 */
export async function readPolicyFile<T>(path: string, use: (overrides: Overrides) => T): Promise<T> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new BadRequest(`The policy file ${path} cannot be read: ${error.code}.`, { cause: error });
  });
  try {
    return use(parsePolicy(content));
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    throw new BadRequest(`The policy file ${path} is not valid: ${error.message}`, { cause: error });
  }
}

/**
 * YAML or JSON: an object of rule names and check strings, or check strings as the lists that policy files of old have (one
 * of which must hold, each of them all of its members). All commented out is no change, but nothing at all is a file that
 * somebody is still writing. Throws `BadRequest`.
 */
export function parsePolicy(content: string): Overrides {
  if (Buffer.byteLength(content) > mostBytes) throw new BadRequest(`it is larger than ${mostBytes} bytes.`);
  if (content.trim() === '') throw new BadRequest('it is empty; {} stands for no changes.');
  const parsed = parseYaml(content);
  if (parsed === null) return {};
  if (typeof parsed !== 'object' || Array.isArray(parsed))
    throw new BadRequest('it must be an object of rule names and check strings.');
  const entries = Object.entries(parsed).map(([name, check]) => [name, checkStringOf(name, check)] as const);
  return Object.fromEntries(entries);
}

function parseYaml(content: string): unknown {
  const document = parseDocument(content, { schema: 'core', merge: false, prettyErrors: true });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw new BadRequest(problem.message.split('\n')[0] ?? 'it is no YAML.', { cause: problem });
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new BadRequest((error as Error).message, { cause: error }); // more aliases than anybody needs
  }
}

function checkStringOf(name: string, check: unknown): string {
  if (typeof check === 'string') return check;
  if (!Array.isArray(check)) throw new BadRequest(`${name} is no check string; "" allows everybody, "!" nobody.`);
  const alternatives = check.map((all: unknown) => {
    const checks = Array.isArray(all) ? all : [all];
    if (checks.length === 0 || checks.some((one) => typeof one !== 'string'))
      throw new BadRequest(`${name} is a list of something else than lists of checks.`);
    return checks.map((one) => `(${one})`).join(' and ');
  });
  return alternatives.map((one) => `(${one})`).join(' or ');
}
