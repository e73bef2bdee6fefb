import { BadRequest } from '../../../common/errors.ts';
import {
  conditionOf,
  conditions,
  isDirect,
  type Local,
  type Remote,
  type Rule,
  type SchemaVersion,
} from './mapping.ts';
import { compilePattern } from './pattern.ts';
import { parseTemplate } from './template.ts';

/** What the shape cannot say. Throws `BadRequest` that names the place, so that no rule fails first when somebody logs in. */
export function checkMapping(rules: readonly Rule[], version: SchemaVersion): void {
  rules.forEach(({ remote, local }, r) => {
    remote.forEach((one, i) => {
      at(`rules.${r}.remote.${i}`, () => checkRemote(one));
    });
    const count = remote.filter(isDirect).length;
    local.forEach((one, i) => {
      at(`rules.${r}.local.${i}`, () => checkLocal(one, version, count));
    });
  });
}

function at(place: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    throw new BadRequest(`${place}: ${error.message}`, { cause: error });
  }
}

function checkRemote(remote: Remote): void {
  const given = conditions.filter((one) => remote[one] !== undefined);
  if (given.length > 1) throw new BadRequest(`only one of ${given.join(' and ')} can be given.`);
  const condition = conditionOf(remote);
  if (remote.regex !== undefined && condition === undefined)
    throw new BadRequest(`regex is about one of ${conditions.join(', ')}, and there is none.`);
  if (remote.regex) for (const value of condition?.values ?? []) compilePattern(value);
}

function checkLocal(local: Local, version: SchemaVersion, count: number): void {
  const { group, projects } = local;
  if (group) {
    if ((group.id === undefined) === (group.name === undefined))
      throw new BadRequest('a group is given by its id, or by its name and domain.');
    if (group.name !== undefined && group.domain === undefined)
      throw new BadRequest('a group with a name needs its domain.');
    if (group.id !== undefined && group.domain !== undefined)
      throw new BadRequest('a group with an id has its domain already.');
  }
  if (version === '1.0' && projects?.some((project) => project.domain !== undefined))
    throw new BadRequest('projects have a domain of their own since schema_version 2.0.');
  for (const text of textsIn(local)) parseTemplate(text, count);
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
