/** `cirrostack doctor`: looks at everything, changes nothing, and says what to do. */
import { checkEverything } from './checks.ts';
import type { Finding } from './engines/engine.ts';
import { contextOf, defaultDataDir, parseOptions, readSettings } from './options.ts';
import { table } from './steps.ts';

export const doctorHelp = `Usage: cirrostack doctor [--data-dir DIR] [--json]

Checks this host and the cloud on it, and says for each problem what to do about it.
Ends with 1 when something keeps the cloud from working.

  --data-dir DIR  where the cloud keeps everything (${defaultDataDir})
  --json          the findings as JSON: [{ name, level: ok | warn | fail, found, advice }]
`;

export async function doctor(argv: string[]): Promise<number> {
  const options = parseOptions(argv, {
    'data-dir': { type: 'string', default: defaultDataDir },
    json: { type: 'boolean', default: false },
  });
  const settings = await readSettings(options['data-dir']);
  const findings = await checkEverything(contextOf(options['data-dir'], settings), settings);
  process.stdout.write(options.json ? `${JSON.stringify(findings, null, 2)}\n` : describe(findings));
  return findings.some(({ level }) => level === 'fail') ? 1 : 0;
}

const marks = { ok: '✔', warn: '!', fail: '✘' };

/** For people: a line each, and below those that need it what to do. */
export function describe(findings: Finding[]): string {
  const lines = table(findings.map(({ level, name, found }) => [marks[level], name, found])).split('\n');
  return findings
    .map(({ advice }, index) => `${lines[index]}\n${advice === undefined ? '' : `       → ${advice}\n`}`)
    .join('');
}
