/** What quota sets speak of (nova/quota.py), and which of it Identity's unified limits know, by which name (nova/limit/). */
import type { QuotaResource as NetworkResource } from '../../network/quotas/quota.ts';

export const quotaResources = [
  'instances',
  'cores',
  'ram',
  'fixed_ips',
  'floating_ips',
  'metadata_items',
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
  'key_pairs',
  'security_groups',
  'security_group_rules',
  'server_groups',
  'server_group_members',
] as const;
export type QuotaResource = (typeof quotaResources)[number];

/** Numbers of everything; -1 is no limit. */
export type Limits = Record<QuotaResource, number>;

/**
 * Limits of Network's that Nova's API has until 2.35: Network keeps and enforces them. A fixed address is a port's, which is
 * what Network counts.
 */
export const networkResources: Readonly<Partial<Record<QuotaResource, NetworkResource>>> = {
  fixed_ips: 'port',
  floating_ips: 'floatingip',
  security_groups: 'security_group',
  security_group_rules: 'security_group_rule',
};

/** Those that this service keeps. */
export const ownResources = quotaResources.filter((name) => networkResources[name] === undefined);

/** What a project has for whom nobody has said anything: Nova's own defaults. Memory in MiB. */
export const defaultLimits = {
  instances: 10,
  cores: 20,
  ram: 51_200,
  metadata_items: 128,
  injected_files: 5,
  injected_file_content_bytes: 10_240,
  injected_file_path_bytes: 255,
  key_pairs: 100,
  server_groups: 10,
  server_group_members: 10,
} as const satisfies Partial<Limits>;

export const unifiedNames: Readonly<Partial<Record<QuotaResource, string>>> = {
  instances: 'servers',
  cores: 'class:VCPU',
  ram: 'class:MEMORY_MB',
  metadata_items: 'server_metadata_items',
  injected_files: 'server_injected_files',
  injected_file_content_bytes: 'server_injected_file_content_bytes',
  injected_file_path_bytes: 'server_injected_file_path_bytes',
  key_pairs: 'server_key_pairs',
  server_groups: 'server_groups',
  server_group_members: 'server_group_members',
};

/** What only unified limits know: GiB of disk, on hosts. Without one there is no limit. */
export const unifiedDiskName = 'class:DISK_GB';

export const isQuotaResource = (name: string): name is QuotaResource =>
  (quotaResources as readonly string[]).includes(name);
