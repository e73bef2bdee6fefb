/** Reads subunit's first version, the text that `subunit-2to1` makes of a test repository's stream. */

export type Outcome = 'passed' | 'failed' | 'skipped';

export interface TestResult {
  /** Without the attributes in square brackets behind it. */
  name: string;
  outcome: Outcome;
  /** Why it was skipped or failed, in a few lines; empty when it passed. */
  reason: string;
}

const outcomes: Record<string, Outcome> = {
  successful: 'passed',
  success: 'passed',
  xfail: 'passed',
  failure: 'failed',
  error: 'failed',
  uxsuccess: 'failed',
  skip: 'skipped',
};

/** Every test that came to an end, by name. One that began and never ended failed: its process died. */
export function readSubunit(text: string): TestResult[] {
  const results: TestResult[] = [];
  const begun = new Set<string>();
  const lines = text.replaceAll('\r', '').split('\n');
  for (let i = 0; i < lines.length; i += 1) {
    const match = lines[i]?.match(
      /^(test|successful|success|xfail|failure|error|uxsuccess|skip): (.*?)( \[( multipart)?)?$/,
    );
    if (match === null || match === undefined) continue;
    const [, word, label, bracket] = match as [string, string, string, string | undefined];
    if (word === 'test') {
      begun.add(label);
      continue;
    }
    const details: string[] = [];
    if (bracket !== undefined) for (i += 1; i < lines.length && lines[i] !== ']'; i += 1) details.push(lines[i] ?? '');
    const outcome = outcomes[word] as Outcome;
    begun.delete(label);
    const reason = outcome === 'skipped' ? skipReason(details) : outcome === 'failed' ? failureReason(details) : '';
    results.push({ name: label.replace(/\[[^\]]*\]$/, ''), outcome, reason });
  }
  for (const name of begun) results.push({ name, outcome: 'failed', reason: 'It began and never ended.' });
  return results.toSorted((a, b) => a.name.localeCompare(b.name));
}

/** A part is its content type, its name, and chunks that begin with their length in hexadecimal digits; the last is 0. */
function skipReason(details: string[]): string {
  const at = details.indexOf('reason');
  return details
    .slice(at + 1)
    .filter((line) => !/^[0-9A-F]+$/.test(line))
    .map((line) => line.replace(/0$/, ''))
    .join(' ')
    .trim();
}

/** Of tracebacks and logs: where in the test it was, and what was raised. */
function failureReason(details: string[]): string {
  const frames = details.flatMap((line, i) => {
    const match = line.match(/tempest\/(?:api|test|scenario).*?\/?([^/]+\.py)", line (\d+), in (\w+)/);
    return match ? [`${match[1]}:${match[2]} ${match[3]}: ${details[i + 1]?.trim() ?? ''}`] : [];
  });
  const raised = details.flatMap((line, i) => {
    if (
      !/^[A-Za-z_][\w.]*(?:Error|Exception|[A-Z]\w+)(?:: .*)?$/.test(line) ||
      /^(?:Content-Type|Traceback)/.test(line)
    )
      return [];
    return [
      [line, ...details.slice(i + 1, i + 4).filter((next) => /^(?:Details|reference|actual|Object)\b/.test(next))],
    ];
  });
  return [frames.at(-1), ...(raised.at(-1) ?? [])]
    .filter((line) => line !== undefined)
    .map((line) => line.slice(0, 600))
    .join('\n');
}
