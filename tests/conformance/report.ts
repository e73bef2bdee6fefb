/** What a run of a suite says, for a person and for docs/compatibility.md. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Outcome, TestResult } from './subunit.ts';
import type { Suite } from './suites.ts';

export interface Report {
  counts: Record<Outcome, number>;
  /** Reason → how many tests it is of. */
  skipped: Map<string, number>;
  /** Those that failed though nothing says that they may. */
  failed: TestResult[];
  /** Those of which a reason is known, with it. */
  mayFail: { name: string; why: string }[];
}

export function reportOf(results: TestResult[], suite: Suite): Report {
  const report: Report = { counts: { passed: 0, failed: 0, skipped: 0 }, skipped: new Map(), failed: [], mayFail: [] };
  for (const result of results) {
    report.counts[result.outcome] += 1;
    if (result.outcome === 'skipped') report.skipped.set(result.reason, (report.skipped.get(result.reason) ?? 0) + 1);
    if (result.outcome !== 'failed') continue;
    const why = Object.entries(suite.mayFail).find(([regex]) => new RegExp(regex).test(result.name))?.[1];
    if (why === undefined) report.failed.push(result);
    else report.mayFail.push({ name: result.name, why });
  }
  return report;
}

export function printed({ counts, skipped, failed, mayFail }: Report): string {
  const indented = (text: string) => text.replaceAll(/^/gm, '    ');
  return [
    ...failed.map(({ name, reason }) => `✘ ${name}\n${indented(reason)}`),
    ...mayFail.map(({ name, why }) => `- ${name}: may fail, ${why}`),
    ...[...skipped].map(([reason, count]) => `- ${count} skipped: ${reason}`),
    `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`,
    '',
  ].join('\n');
}

const document = new URL('../../docs/compatibility.md', import.meta.url);

/**
 * Puts the counts between `<!-- tempest: NAME -->` and `<!-- end -->` of docs/compatibility.md.
 * @returns whether the document said them already.
 */
export async function recordReport(
  name: string,
  { counts, skipped, mayFail }: Report,
  update: boolean,
): Promise<boolean> {
  const before = await readFile(document, 'utf8');
  const rows = [
    ['passed', String(counts.passed), ''],
    ['failed', String(counts.failed), [...new Set(mayFail.map(({ why }) => why))].join('; ')],
    [
      'skipped',
      String(counts.skipped),
      [...skipped]
        .map(([reason, count]) => `${reason}: ${count}`)
        .toSorted()
        .join('; '),
    ],
  ];
  const lines = ['| result | tests | why |', '| --- | --- | --- |', ...rows.map((cells) => `| ${cells.join(' | ')} |`)];
  const place = new RegExp(`(<!-- tempest: ${name} -->\n).*?(<!-- end -->)`, 's');
  if (!place.test(before)) throw new Error(`docs/compatibility.md has no place for the counts of ${name}`);
  const after = before.replace(place, (_, start, end) => `${start}\n${lines.join('\n')}\n\n${end}`);
  if (update) await writeFile(document, after);
  return before === after;
}
