import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { UsageError } from './options.ts';

/** The first line of standard input, without its end; empty when there is none. */
export async function firstLineOfInput(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) return line;
  return '';
}

/** Asks the person at the terminal twice, and shows nothing of what they type. @throws UsageError */
export async function askForPassword(what: string): Promise<string> {
  if (!process.stdin.isTTY) throw new UsageError(`${what}: there is no terminal to ask at. See --help.`);
  const password = await askHidden(`${what}: `);
  if (password === '') throw new UsageError('An empty password is none.');
  if ((await askHidden('Once more: ')) !== password) throw new UsageError('The two differ; nothing was changed.');
  return password;
}

async function askHidden(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(question);
  try {
    return await new Promise((resolve, reject) => {
      terminal.question('', resolve);
      terminal.on('SIGINT', () => reject(new UsageError('Nothing was changed.')));
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
