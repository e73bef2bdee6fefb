import { UsageError } from './options.ts';

/** Runs a command of ours: `--help` prints, a mistake of the user is told in one line, and the exit code says how it went. */
export async function runCommand(
  help: string,
  argv: string[],
  run: (argv: string[]) => Promise<number>,
): Promise<void> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(help);
    return;
  }
  try {
    process.exitCode = await run(argv);
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    if (process.env.DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
