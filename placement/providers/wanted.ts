/** What queries ask of providers: `resources`, `required`, `member_of` and their like, read and compared. Pure. */
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { isUuid } from '../../common/ids.ts';
import type { Allocation } from '../../compute/scheduler/capacity.ts';
import { hasRoom, inventory, type Provider } from './provider.ts';

/** One part of a request: any of the values of each list, and none of those that are forbidden. */
export interface Wanted {
  resources: ReadonlyMap<string, number>;
  traits: Condition;
  aggregates: Condition;
}

export interface Condition {
  anyOf: readonly (readonly string[])[];
  forbidden: readonly string[];
}

export const nothing: Condition = { anyOf: [], forbidden: [] };

export function holds({ anyOf, forbidden }: Condition, values: readonly string[]): boolean {
  return (
    anyOf.every((some) => some.some((one) => values.includes(one))) && !forbidden.some((one) => values.includes(one))
  );
}

export function satisfies(provider: Provider, wanted: Wanted, allocation: Allocation): boolean {
  return (
    holds(wanted.traits, provider.traits) &&
    holds(wanted.aggregates, provider.aggregateIds) &&
    [...wanted.resources].every(([name, amount]) => hasRoom(inventory(provider, name, allocation), amount))
  );
}

/** `VCPU:2,DISK_GB:10`. */
export function resourcesOf(text: string): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const item of text.split(',')) {
    const [, name, amount] = item.match(/^([A-Z0-9_]{1,255}):(\d{1,9})$/) ?? [];
    if (name === undefined || Number(amount) < 1)
      throw new BadRequest(
        `Badly formed resources parameter. Expected resources query string in form: ?resources=VCPU:2,MEMORY_MB:1024. Got: ${shown(item)}.`,
      );
    amounts.set(name, Number(amount));
  }
  return amounts;
}

/** `A,!B`, and from 1.39 `in:A,B` for any of them; several parameters all hold. */
export function traitsOf(texts: readonly string[], version: Version): Condition {
  if (texts.length > 1 && !since(version, 1, 39))
    throw new BadRequest('The parameter required may be given once only.');
  const conditions = texts.map((text) => {
    if (text.startsWith('in:') && since(version, 1, 39)) return { anyOf: [names(text.slice(3))], forbidden: [] };
    const [forbidden, required] = parted(text.split(','));
    if (forbidden.length > 0 && !since(version, 1, 22)) throw badTraits(text);
    return { anyOf: required.map((one) => [one]), forbidden };
  });
  const all = joined(conditions);
  for (const name of [...all.anyOf.flat(), ...all.forbidden])
    if (!/^[A-Z0-9_]{1,255}$/.test(name)) throw badTraits(texts.join(','));
  return all;
}

/** `UUID`, `in:UUID,UUID`, and from 1.32 `!UUID` and `!in:UUID,UUID`; several parameters, from 1.24, all hold. */
export function aggregatesOf(texts: readonly string[], version: Version): Condition {
  if (texts.length > 1 && !since(version, 1, 24))
    throw new BadRequest('The parameter member_of may be given once only.');
  const all = joined(
    texts.map((text) => {
      const isForbidden = text.startsWith('!');
      if (isForbidden && !since(version, 1, 32)) throw badAggregates(text);
      const rest = isForbidden ? text.slice(1) : text;
      const ids = rest.startsWith('in:') ? names(rest.slice(3)) : [rest];
      return isForbidden ? { anyOf: [], forbidden: ids } : { anyOf: [ids], forbidden: [] };
    }),
  );
  for (const id of [...all.anyOf.flat(), ...all.forbidden]) if (!isUuid(id)) throw badAggregates(id);
  const lower = (ids: readonly string[]) => ids.map((id) => id.toLowerCase());
  return { anyOf: all.anyOf.map(lower), forbidden: lower(all.forbidden) };
}

export function joined(conditions: readonly Condition[]): Condition {
  return {
    anyOf: conditions.flatMap(({ anyOf }) => anyOf),
    forbidden: conditions.flatMap(({ forbidden }) => forbidden),
  };
}

const names = (text: string) => text.split(',');

function parted(items: readonly string[]): [forbidden: string[], required: string[]] {
  const forbidden = items.filter((item) => item.startsWith('!')).map((item) => item.slice(1));
  return [forbidden, items.filter((item) => !item.startsWith('!'))];
}

const badTraits = (text: string) =>
  new BadRequest(
    `Invalid query string parameters: Expected 'required' parameter value of the form: HW_CPU_X86_VMX,!CUSTOM_MAGIC. Got: ${shown(text)}`,
  );
const badAggregates = (text: string) =>
  new BadRequest(
    `Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). Got: ${shown(text)}`,
  );
const shown = (text: string) => text.slice(0, 255);
