/** Reads what ava reports in the Test Anything Protocol: counts it, and shows it to a person. */

export interface Counts {
  passed: number;
  failed: number;
  /** Also those that are only planned. */
  skipped: number;
}

export const none: Counts = { passed: 0, failed: 0, skipped: 0 };

export function sum(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

export function inWords({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Takes one line of the protocol; gives what it counts as, and the line for a person (undefined: nothing to tell). */
export function readTapLine(line: string): { counts: Counts; shown: string | undefined } {
  const result = line.match(/^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO)\b.*)?$/);
  if (result !== null) {
    const [, not, title, directive] = result;
    if (directive !== undefined) return { counts: { ...none, skipped: 1 }, shown: `  -  ${title} (${directive})` };
    if (not !== undefined) return { counts: { ...none, failed: 1 }, shown: `  ✘  ${title}` };
    return { counts: { ...none, passed: 1 }, shown: `  ✔  ${title}` };
  }
  const isFrame = /^(TAP version|\d+\.\.\d+$|# (tests|pass|skip|todo|fail) \d+$|\s*$|\s+(---|\.\.\.)$)/.test(line);
  return { counts: none, shown: isFrame ? undefined : `     ${line}` };
}
