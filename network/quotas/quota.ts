/** What is limited, and how many of it a project may have unless told otherwise (Neutron's defaults). -1: no limit. */
export const defaultQuota = {
  network: 100,
  subnet: 100,
  port: 500,
  router: 10,
  floatingip: 50,
  security_group: 10,
  security_group_rule: 100,
} as const;

export type QuotaResource = keyof typeof defaultQuota;
export type Quota = Record<QuotaResource, number>;

export const quotaResources = Object.keys(defaultQuota) as QuotaResource[];
