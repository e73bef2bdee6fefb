import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { many, one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isUuid } from '../../common/ids.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { capacity, inventories, type Provider } from '../providers/provider.ts';
import { listProviders } from '../providers/store.ts';
import {
  aggregatesOf,
  type Condition,
  holds,
  joined,
  nothing,
  resourcesOf,
  satisfies,
  traitsOf,
} from '../providers/wanted.ts';
import { checkQuery, forServices, fresh, requireSince } from './common.ts';
import type { PlacementDeps } from './deps.ts';
import { requireKnown } from './resource-providers.ts';

export const allocationCandidatePolicy = definePolicy({
  'placement:allocation_candidates:list': forServices('List where resources could be had'),
});

/**
 * Where resources could be had. Hosts have neither children nor anything to share, so that all groups of a request are had of
 * one of them, or nowhere: `isolate` holds for one group, and every subtree is the host itself.
 */
export const allocationCandidateRoutes = ({ db, allocation }: PlacementDeps) => [
  route({
    method: 'GET',
    path: '/allocation_candidates',
    rule: allocationCandidatePolicy['placement:allocation_candidates:list'],
    summary: 'List where resources could be had',
    status: 200,
    async handler({ query, version }, h) {
      requireSince(version, 10);
      const asked = askedOf(query, version);
      await requireKnown(db, asked.wanted);
      const isPossible = asked.groups.size === 1 || !asked.isIsolated;
      const fitting = isPossible ? await listProviders(db) : [];
      const found = fitting
        .filter((provider) => asked.trees.every((tree) => tree === provider.id))
        .filter((provider) => holds(asked.rootTraits, provider.traits) && satisfies(provider, asked.wanted, allocation))
        .slice(0, asked.limit);
      const summary = (provider: Provider) => summaryOf(provider, asked, inventories(provider, allocation), version);
      return fresh(h, version, {
        allocation_requests: found.map((provider) => requestOf(provider, asked, version)),
        provider_summaries: Object.fromEntries(found.map((provider) => [provider.id, summary(provider)])),
      });
    },
  }),
];

interface Asked {
  /** Of all groups together. */
  wanted: { resources: Map<string, number>; traits: Condition; aggregates: Condition };
  rootTraits: Condition;
  trees: string[];
  /** Their suffixes; the one without has the empty one. */
  groups: Set<string>;
  isIsolated: boolean;
  limit: number;
}

const parts = /^(resources|required|member_of|in_tree)(.*)$/;
const introduced: Record<string, number> = { resources: 10, required: 17, member_of: 21, in_tree: 31 };

function askedOf(query: Record<string, string | string[]>, version: Version): Asked {
  checkQuery(query, (name) => isKnown(name, version));
  const resources = new Map<string, number>();
  const groups = new Set<string>();
  let [traits, aggregates]: [Condition, Condition] = [nothing, nothing];
  const trees: string[] = [];
  const suffixes = new Set<string>();
  for (const [name, value] of Object.entries(query)) {
    const [, part, suffix = ''] = name.match(parts) ?? [];
    if (part === undefined) continue;
    suffixes.add(suffix);
    if (part === 'required') traits = joined([traits, traitsOf(many(value), version)]);
    if (part === 'member_of') aggregates = joined([aggregates, aggregatesOf(many(value), version)]);
    if (part === 'in_tree') trees.push(treeOf(one(value) ?? ''));
    if (part !== 'resources') continue;
    groups.add(suffix);
    for (const [resource, amount] of resourcesOf(one(value) ?? ''))
      resources.set(resource, (resources.get(resource) ?? 0) + amount);
  }
  checkGroups(query, groups, suffixes, version);
  const rootTraits = since(version, 1, 35) ? traitsOf(many(query.root_required), version) : nothing;
  const isIsolated = one(query.group_policy) === 'isolate' && [...groups].filter((suffix) => suffix !== '').length > 1;
  return {
    wanted: { resources, traits, aggregates },
    rootTraits,
    trees,
    groups,
    isIsolated,
    limit: limitOf(query.limit),
  };
}

function isKnown(name: string, version: Version): boolean {
  if (name === 'limit') return since(version, 1, 16);
  if (name === 'group_policy') return since(version, 1, 25);
  if (name === 'root_required') return since(version, 1, 35);
  if (name === 'same_subtree') return since(version, 1, 36);
  const [, part = '', suffix = ''] = name.match(parts) ?? [];
  const suffixForm = since(version, 1, 33) ? /^[a-zA-Z0-9_-]{0,64}$/ : since(version, 1, 25) ? /^([1-9]\d*)?$/ : /^$/;
  return Object.hasOwn(introduced, part) && since(version, 1, introduced[part] ?? 0) && suffixForm.test(suffix);
}

function checkGroups(query: object, groups: Set<string>, suffixes: Set<string>, version: Version): void {
  if (groups.size === 0)
    throw new BadRequest('At least one request group (`resources` or `resources{$S}`) is required.');
  // From 1.36 on a group may want no resources, if same_subtree names it.
  const idle = [...suffixes].find((suffix) => !groups.has(suffix));
  if (idle !== undefined && !since(version, 1, 36))
    throw new BadRequest(
      `All request groups must specify resources. The group ${idle || 'without a suffix'} does not.`,
    );
  const policy = one((query as { group_policy?: unknown }).group_policy);
  if (policy !== undefined && policy !== 'none' && policy !== 'isolate')
    throw new BadRequest(
      `Invalid query string parameters: '${policy.slice(0, 255)}' is not one of ['none', 'isolate']`,
    );
  if (policy === undefined && [...groups].filter((suffix) => suffix !== '').length > 1)
    throw new BadRequest(
      'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.',
    );
}

function treeOf(text: string): string {
  if (!isUuid(text))
    throw new BadRequest(`Expected 'in_tree' parameter to be a format of uuid. Got: ${text.slice(0, 255)}`);
  return text.toLowerCase();
}

function limitOf(value: unknown): number {
  const text = one(value);
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new BadRequest(`Invalid query string parameters: '${text.slice(0, 255)}' of limit is not a number above 0`);
  return Number(text);
}

function requestOf(provider: Provider, { wanted, groups }: Asked, version: Version) {
  const resources = Object.fromEntries(wanted.resources);
  if (!since(version, 1, 12)) return { allocations: [{ resource_provider: { uuid: provider.id }, resources }] };
  return {
    allocations: { [provider.id]: { resources } },
    ...(since(version, 1, 34) && {
      mappings: Object.fromEntries([...groups].map((suffix) => [suffix, [provider.id]])),
    }),
  };
}

/** Before 1.27 only what was asked for. */
function summaryOf(provider: Provider, { wanted }: Asked, all: ReturnType<typeof inventories>, version: Version) {
  const shown = [...all].filter(([name]) => since(version, 1, 27) || wanted.resources.has(name));
  return {
    resources: Object.fromEntries(shown.map(([name, one]) => [name, { capacity: capacity(one), used: one.used }])),
    ...(since(version, 1, 17) && { traits: provider.traits }),
    ...(since(version, 1, 29) && { parent_provider_uuid: null, root_provider_uuid: provider.id }),
  };
}
