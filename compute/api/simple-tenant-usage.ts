import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { many, maxPageSize, nextHref, pageRequest } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { isoMicros } from '../../common/http/time.ts';
import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';
import { databaseNow, listServerUsage } from '../usage/store.ts';
import { hoursIn, type ServerUsage, type Span, uptimeSeconds } from '../usage/usage.ts';
import { checkQuery } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';

export const usagePolicy = definePolicy({
  'os_compute_api:os-simple-tenant-usage:list': projectAdmin('Show what all projects used'),
  'os_compute_api:os-simple-tenant-usage:show': projectReader('Show what a project used'),
});

type Query = Record<string, string | string[]>;
const path = '/v2.1/os-simple-tenant-usage';

export const usageRoutes = ({ db, url }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path,
    rule: usagePolicy['os_compute_api:os-simple-tenant-usage:list'],
    summary: 'Show what all projects used from `start` to `end`; with `detailed=1`, server by server',
    status: 200,
    async handler({ query, version, request }) {
      checkQuery(version, query, ['start', 'end', 'detailed', 'limit', 'marker']);
      const asked = await read(db, query, version);
      const { usages, more } = await listServerUsage(db, asked.span, undefined, asked.page);
      const detailed = many(query.detailed)[0] === '1';
      const projects = [...Map.groupBy(usages, (usage) => usage.projectId)].map(([, servers]) =>
        summary(servers, asked, detailed),
      );
      const links = linksTo(`${url.versioned}/os-simple-tenant-usage`, request.url, usages, more, asked.page.limit);
      return { tenant_usages: projects, ...(links && { tenant_usages_links: links }) };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{project_id}`,
    rule: usagePolicy['os_compute_api:os-simple-tenant-usage:show'],
    target: ({ project_id = '' }) => ({ project_id }),
    summary: 'Show what a project used from `start` to `end`, server by server',
    status: 200,
    async handler({ params, query, version, request }) {
      checkQuery(version, query, ['start', 'end', 'limit', 'marker']);
      const asked = await read(db, query, version);
      const projectId = params.project_id ?? '';
      const { usages, more } = await listServerUsage(db, asked.span, projectId, asked.page);
      const base = `${url.versioned}/os-simple-tenant-usage/${encodeURIComponent(projectId)}`;
      const links = linksTo(base, request.url, usages, more, asked.page.limit);
      const usage = usages.length === 0 ? {} : summary(usages, asked, true);
      return { tenant_usage: usage, ...(links && { tenant_usage_links: links }) };
    },
  }),
];

/** In pages from 2.40 on: of servers, so that a project may go on on the next one. */
async function read(db: Knex, query: Query, version: Version) {
  const now = await databaseNow(db);
  const start = timeOf(many(query.start)[0], now);
  const end = timeOf(many(query.end)[0], now);
  const isDefault = !query.start && !query.end; // then it is but a moment
  if (!isDefault && start >= end)
    throw new BadRequest('Invalid start time. The start time cannot occur after the end time.');
  const page = since(version, 2, 40) ? pageRequest(query) : { limit: Number.MAX_SAFE_INTEGER, marker: undefined };
  return {
    now,
    span: { start, end: new Date(Math.min(end.getTime(), now.getTime())) },
    page: { ...page, limit: Math.min(page.limit, 2 ** 31 - 2) },
  };
}

/** As Nova's clients write it, in UTC without saying so; nothing means now. */
function timeOf(text: string | undefined, now: Date): Date {
  if (text === undefined || text === '') return now;
  const form = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d(?:\.\d{1,6})?)| (\d\d:\d\d:\d\d\.\d{1,6}))$/.exec(text);
  const time = new Date(form ? `${form[1]}T${form[2] ?? form[3]}Z` : Number.NaN);
  const sameDay = form && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(form[1] ?? ' ');
  if (!sameDay) throw new BadRequest('Invalid datetime string: Datetime is in invalid format');
  return time;
}

function summary(usages: readonly ServerUsage[], { now, span }: { now: Date; span: Span }, detailed: boolean) {
  const hours = usages.map((usage) => hoursIn(span, usage));
  const sum = (amount: (usage: ServerUsage) => number) =>
    usages.reduce((total, usage, i) => total + amount(usage) * (hours[i] ?? 0), 0);
  return {
    tenant_id: usages[0]?.projectId,
    total_local_gb_usage: sum((usage) => usage.diskGib),
    total_vcpus_usage: sum((usage) => usage.vcpus),
    total_memory_mb_usage: sum((usage) => usage.memoryMib),
    total_hours: sum(() => 1),
    start: isoMicros(span.start),
    stop: isoMicros(span.end),
    ...(detailed && { server_usages: usages.map((usage, i) => serverView(usage, hours[i] ?? 0, now)) }),
  };
}

function serverView(usage: ServerUsage, hours: number, now: Date) {
  return {
    instance_id: usage.id,
    name: usage.name,
    hours,
    flavor: usage.flavor,
    tenant_id: usage.projectId,
    memory_mb: usage.memoryMib,
    local_gb: usage.diskGib,
    vcpus: usage.vcpus,
    started_at: isoMicros(usage.startedAt),
    ended_at: usage.endedAt && isoMicros(usage.endedAt),
    state: usage.state,
    uptime: uptimeSeconds(now, usage),
  };
}

function linksTo(base: string, url: URL, usages: readonly ServerUsage[], more: boolean, limit: number) {
  const last = usages.at(-1);
  if (!more || last === undefined) return undefined;
  return [{ rel: 'next', href: nextHref(url, base, last.id, Math.min(limit, maxPageSize)) }];
}
