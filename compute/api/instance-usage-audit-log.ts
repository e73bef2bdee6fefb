/**
 * Which hosts have audited the usage of their servers. Here none does, as in Nova while `instance_usage_audit` is off: usage is
 * counted from the servers' rows whenever somebody asks.
 */
import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import { admin, definePolicy } from '../../common/policy/rules.ts';
import { listHosts } from '../hosts/store.ts';
import { databaseNow } from '../usage/store.ts';
import type { ComputeApiDeps } from './deps.ts';

export const usageAuditPolicy = definePolicy({
  'os_compute_api:os-instance-usage-audit-log:list': admin('List usage audits of the last month'),
  'os_compute_api:os-instance-usage-audit-log:show': admin('List usage audits of the month before a time'),
});

const path = '/v2.1/os-instance_usage_audit_log';

export const usageAuditRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path,
    rule: usageAuditPolicy['os_compute_api:os-instance-usage-audit-log:list'],
    summary: 'List usage audits of the last month: hosts make none',
    status: 200,
    handler: async () => ({ instance_usage_audit_logs: auditLog(await databaseNow(db), await hostNames(db)) }),
  }),
  route({
    method: 'GET',
    path: `${path}/{before_timestamp}`,
    rule: usageAuditPolicy['os_compute_api:os-instance-usage-audit-log:show'],
    summary: 'List usage audits of the month before a time: hosts make none',
    status: 200,
    async handler({ params }) {
      const before = timeOf(params.before_timestamp ?? '');
      return { instance_usage_audit_log: auditLog(before, await hostNames(db)) };
    },
  }),
];

/** Throws `BadRequest` for anything but `2006-01-02 15:04:05`, with or without a fraction. */
function timeOf(text: string): Date {
  const form = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)$/.exec(text);
  const time = new Date(form ? `${form[1]}T${form[2]}Z` : Number.NaN);
  if (!form || Number.isNaN(time.getTime()) || !time.toISOString().startsWith(form[1] ?? ' '))
    throw new BadRequest(`Invalid timestamp for date ${text}`);
  return time;
}

async function hostNames(db: Knex): Promise<string[]> {
  return (await listHosts(db)).map(({ name }) => name);
}

/** The last whole month before that time. */
function auditLog(before: Date, hosts: readonly string[]) {
  const month = (offset: number) => new Date(Date.UTC(before.getUTCFullYear(), before.getUTCMonth() + offset, 1));
  const spaced = (time: Date) => time.toISOString().slice(0, 19).replace('T', ' ');
  return {
    period_beginning: spaced(month(-1)),
    period_ending: spaced(month(0)),
    num_hosts: hosts.length,
    num_hosts_done: 0,
    num_hosts_running: 0,
    num_hosts_not_run: hosts.length,
    hosts_not_run: hosts,
    total_instances: 0,
    total_errors: 0,
    overall_status: `${hosts.length === 0 ? 'ALL' : `0 of ${hosts.length}`} hosts done. 0 errors.`,
    log: {},
  };
}
