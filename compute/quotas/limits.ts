/**
 * How much a project may have. What was set for it here counts first (`openstack quota set`), then what Identity's unified
 * limits say (`openstack limit create`, or what is registered for everybody), then the quota class `default`, then Nova's own
 * numbers. What Network limits, it is asked for.
 */
import type { Knex } from '../../common/database/database.ts';
import { effectiveLimits } from '../../identity/limits/effective.ts';
import { quotaOf } from '../../network/quotas/operations.ts';
import { defaultQuota } from '../../network/quotas/quota.ts';
import {
  defaultLimits,
  type Limits,
  networkResources,
  ownResources,
  type QuotaResource,
  unifiedDiskName,
  unifiedNames,
} from './resources.ts';
import { classLimits, ownLimits, ownLimitsOfBoth } from './store.ts';

export interface ProjectInRegion {
  projectId: string;
  /** Of this cloud: unified limits may be for one region. */
  region: string;
}

export type OwnLimits = Record<keyof typeof defaultLimits | 'disk', number>;

/** Of everything that is counted or bounded by this service. -1: as much as they like. */
export async function computeLimitsOf(db: Knex, { projectId, region }: ProjectInRegion): Promise<OwnLimits> {
  const own = await ownLimits(db, { projectId, userId: null });
  return { ...(await withoutOwn(db, { projectId, region })), ...own } as OwnLimits;
}

/** What bounds a user of a project: the limits of the project, and those that were set for the user within it, if any were. */
export interface LimitsOfUser {
  project: OwnLimits;
  user: Partial<Limits>;
}

export async function limitsOfUser(db: Knex, { userId, ...project }: ProjectInRegion & { userId: string }) {
  const { ofProject, ofUser } = await ownLimitsOfBoth(db, { projectId: project.projectId, userId });
  return { project: { ...(await withoutOwn(db, project)), ...ofProject }, user: ofUser } as LimitsOfUser;
}

/** One of them, for whoever needs only one. */
export async function limitOf(db: Knex, project: ProjectInRegion, resource: QuotaResource): Promise<number> {
  return ((await computeLimitsOf(db, project)) as Partial<Limits>)[resource] ?? -1;
}

/** Everything that quota sets show, with what Network says of its part. */
export async function limitsOf(db: Knex, project: ProjectInRegion): Promise<Limits> {
  const network = await quotaOf(db, project.projectId);
  return { ...(await computeLimitsOf(db, project)), ...asCompute(network) } as Limits;
}

/** What a project has for which nobody has set anything here. */
export async function defaultLimitsOf(db: Knex, project: ProjectInRegion): Promise<Limits> {
  return { ...(await withoutOwn(db, project)), ...asCompute(defaultQuota) } as Limits;
}

/** What the members of a quota class have: only of `default` there are any. Others show what would be, as in Nova. */
export async function limitsOfClass(db: Knex, className: string): Promise<Limits> {
  return { ...defaultLimits, ...asCompute(defaultQuota), ...(await classLimits(db, className)) } as Limits;
}

async function withoutOwn(
  db: Knex,
  { projectId, region }: ProjectInRegion,
): Promise<Partial<Limits> & { disk: number }> {
  const byClass = await classLimits(db, 'default');
  const unified = await effectiveLimits(db, { projectId, regionId: region, serviceType: 'compute' });
  const known = ownResources.map((name) => [name, unified.get(unifiedNames[name] ?? '')] as const);
  return {
    ...defaultLimits,
    ...byClass,
    ...Object.fromEntries(known.filter(([, limit]) => limit !== undefined)),
    disk: unified.get(unifiedDiskName) ?? -1,
  };
}

/** Network's numbers under the names that they have here. */
export function asCompute(network: Readonly<Record<string, number>>): Partial<Limits> {
  return Object.fromEntries(Object.entries(networkResources).map(([name, theirs]) => [name, network[theirs]]));
}
