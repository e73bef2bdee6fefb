import { useState } from 'react';
import { Form, TextField } from '../parts/form.tsx';
import { Log } from '../parts/log.tsx';
import { Card } from '../parts/page.tsx';
import { type Container, whyNot } from './container.ts';
import { useExecute } from './queries.ts';
import { wordsOf } from './words.ts';

/** Runs one command in the container and shows what it printed and how it ended. */
export function ExecuteCard({ container }: { container: Container }) {
  const execute = useExecute(container.uuid);
  const [line, setLine] = useState('');
  const [result, setResult] = useState<{ line: string; output: string; exit_code: number } | null>(null);
  const words = wordsOf(line);
  const run = async () => {
    if (words === undefined) return;
    setResult(null);
    setResult({ line, ...(await execute(words)) });
  };
  const refusal = whyNot(container, 'execute') ?? (words === undefined ? 'A quote is still open.' : null);
  return (
    <Card title="Run a command">
      <Form submit={run} submitLabel="Run" failed="The command could not be run" whyNot={refusal} inline>
        <TextField
          label="Command"
          hint={`Without a shell: quotes group words, and for pipes say sh -c '…'.`}
          value={line}
          onValue={setLine}
          placeholder="cat /etc/os-release"
          required
        />
      </Form>
      {result ? (
        <>
          <p>
            <code>{result.line}</code> ended with{' '}
            <strong className={result.exit_code === 0 ? '' : 'bad-text'}>exit code {result.exit_code}</strong>
          </p>
          <Log label="Output" text={result.output} />
        </>
      ) : null}
    </Card>
  );
}
