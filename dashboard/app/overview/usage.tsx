import { useQuery } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';
import { Loaded } from '../parts/loaded.tsx';
import { useSession } from '../session/session-provider.tsx';

interface Limits {
  absolute: Record<string, number>;
}

interface Detail {
  used: number;
  limit: number;
}

/** What the project uses and may use, a bar each. */
export function Usage() {
  const api = useApi();
  const { project } = useSession();
  const compute = useQuery({
    queryKey: ['servers', 'limits'],
    queryFn: async ({ signal }) => (await api.get<{ limits: Limits }>('compute', '/limits', signal)).limits.absolute,
    refetchInterval: 15_000,
  });
  const network = useQuery({
    queryKey: ['networks', 'quota'],
    queryFn: async ({ signal }) =>
      (
        await api.get<{ quota: Record<string, Detail> }>(
          'network',
          `/quotas/${encodeURIComponent(project.id)}/details.json`,
          signal,
        )
      ).quota,
    refetchInterval: 15_000,
  });
  return (
    <section className="usage" aria-label="Usage">
      <Loaded query={compute} what="the usage of compute">
        {(limits) => (
          <>
            <Gauge label="Servers" used={limits.totalInstancesUsed} limit={limits.maxTotalInstances} />
            <Gauge label="vCPUs" used={limits.totalCoresUsed} limit={limits.maxTotalCores} />
            <Gauge
              label="Memory"
              used={limits.totalRAMUsed}
              limit={limits.maxTotalRAMSize}
              show={gibibytes}
              unit="GiB"
            />
          </>
        )}
      </Loaded>
      {network.data ? (
        <>
          <Gauge label="Networks" {...network.data.network} />
          <Gauge label="Ports" {...network.data.port} />
          <Gauge label="Floating IPs" {...network.data.floatingip} />
        </>
      ) : null}
    </section>
  );
}

/** Of MiB, to one decimal. */
function gibibytes(count: number): string {
  return String(Math.round(count / 102.4) / 10);
}

function Gauge({
  label,
  used = 0,
  limit = -1,
  show = String,
  unit = '',
}: {
  label: string;
  used?: number | undefined;
  /** -1: no limit. */
  limit?: number | undefined;
  show?: (count: number) => string;
  unit?: string;
}) {
  const isLimited = limit >= 0;
  const isFull = isLimited && used >= limit;
  return (
    <div className={`gauge${isFull ? ' full' : ''}`}>
      <span className="gauge-label">{label}</span>
      <span className="gauge-value">
        <strong>{show(used)}</strong> {isLimited ? `of ${show(limit)} ${unit}` : `${unit} without a limit`}
      </span>
      <meter
        aria-label={`${label} used`}
        min={0}
        max={isLimited ? Math.max(limit, 1) : Math.max(used, 1)}
        value={isLimited ? used : 0}
      />
    </div>
  );
}
