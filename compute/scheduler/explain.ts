import { filterNames, type Refusal } from './filters.ts';

export interface HostRefusal extends Refusal {
  hostName: string;
}

const mostHostsListed = 50;

/**
 * Why no host fits. `reason` goes through the filters, with how many hosts each left and what would have helped, for whoever
 * asked, and names no host; `details` goes through the hosts one by one, for administrators.
 */
export function explainNoValidHost(refusals: readonly HostRefusal[]): { reason: string; details: string } {
  if (refusals.length === 0)
    return {
      reason: 'No valid host was found. There is no compute host yet.',
      details: 'No host agent has reported to this cloud.',
    };
  const byFilter = Map.groupBy(refusals, (refusal) => refusal.filter);
  const inOrder = [...byFilter].sort(([a], [b]) => filterNames.indexOf(a) - filterNames.indexOf(b));
  let left = refusals.length;
  const groups = inOrder.map(([filter, failed]) => {
    left -= failed.length;
    return `${filter} refused ${count(failed.length)}${closest(failed)}${left > 0 ? `, ${left} left` : ''}`;
  });
  const listed = refusals
    .slice(0, mostHostsListed)
    .map(({ hostName, filter, reason, detail }) => `${hostName}: ${filter}: ${reason}${detail ? `: ${detail}` : ''}`);
  if (refusals.length > listed.length) listed.push(`and ${count(refusals.length - listed.length)} more`);
  return {
    reason: `No valid host was found. There are not enough hosts available: ${groups.join('; ')}.`,
    details: listed.join('\n'),
  };
}

function closest(failed: readonly HostRefusal[]): string {
  const least = failed.reduce((best, next) =>
    (next.missing?.amount ?? 0) < (best.missing?.amount ?? 0) ? next : best,
  );
  if (least.missing === undefined)
    return failed.every(({ reason }) => reason === least.reason) ? ` (${least.reason})` : '';
  return ` (${failed.length === 1 ? '' : 'at best '}${least.missing.amount} ${least.missing.unit} missing)`;
}

function count(hosts: number): string {
  return hosts === 1 ? '1 host' : `${hosts} hosts`;
}
