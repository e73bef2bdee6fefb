import { useState } from 'react';
import { SelectField } from '../parts/form.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Log } from '../parts/log.tsx';
import { Card } from '../parts/page.tsx';
import { useConsoleOutput } from './queries.ts';
import type { Server } from './server.ts';

const lengths = ['50', '200', '1000'];

/** The tail of the serial console. A server that no host holds has none to ask for. */
export function ConsoleCard({ server }: { server: Server }) {
  const nothing = whyNone(server);
  return (
    <Card title="Console log">{nothing === null ? <Output id={server.id} /> : <p className="quiet">{nothing}</p>}</Card>
  );
}

function whyNone(server: Server): string | null {
  if (!server['OS-SRV-USG:launched_at']) return 'It has not booted yet.';
  return server['OS-EXT-STS:vm_state'] === 'shelved_offloaded' ? 'It is put away: no host holds it.' : null;
}

function Output({ id }: { id: string }) {
  const [lines, setLines] = useState('50');
  const query = useConsoleOutput(id, Number(lines));
  return (
    <>
      <div className="inline-control">
        <SelectField
          label="Lines"
          value={lines}
          onValue={setLines}
          choices={lengths.map((value) => ({ value, label: `Last ${value}` }))}
        />
      </div>
      <Loaded query={query} what="the console log">
        {(text) => <Log label="Console log" text={text} />}
      </Loaded>
    </>
  );
}
