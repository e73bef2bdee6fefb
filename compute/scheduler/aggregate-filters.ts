/** What the aggregates of a host say about who may be on it, under the names of Nova's filters. Pure. */
import type { Demand } from './demand.ts';
import { matches } from './spec-operators.ts';

export type Metadata = Readonly<Record<string, string>>;

/** All values of a key in the aggregates of a host; one value may list several, separated by commas. */
export function aggregateValues(aggregates: readonly Metadata[], isKey: (key: string) => boolean): string[] {
  return aggregates.flatMap((metadata) =>
    Object.entries(metadata)
      .filter(([key]) => isKey(key))
      .flatMap(([, value]) => value.split(',').map((one) => one.trim())),
  );
}

const scope = 'aggregate_instance_extra_specs:';

/** AggregateInstanceExtraSpecsFilter: a flavor's specs without a namespace, or with this one, are met by an aggregate. */
export function unmetSpec(aggregates: readonly Metadata[], { extraSpecs = {} }: Demand): string | undefined {
  for (const [name, wanted] of Object.entries(extraSpecs)) {
    if (name.includes(':') && !name.startsWith(scope)) continue;
    const key = name.startsWith(scope) ? name.slice(scope.length) : name;
    if (!aggregateValues(aggregates, (one) => one === key).some((value) => matches(value, wanted)))
      return `in no aggregate with ${key} ${wanted}`;
  }
  return undefined;
}

/** AggregateMultiTenancyIsolation: hosts of aggregates with `filter_tenant_id…` are for the projects named there. */
export function isForOthers(aggregates: readonly Metadata[], { projectId }: Demand): boolean {
  const projects = aggregateValues(aggregates, (key) => key.startsWith('filter_tenant_id'));
  return projects.length > 0 && !projects.includes(projectId);
}
