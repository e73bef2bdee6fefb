import { useState } from 'react';
import { Link, useParams, useSearchParams } from 'react-router';
import { Button } from '../parts/button.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { paths } from '../paths.ts';
import type { Show } from './console-frame.ts';
import { useRemoteConsole, useServer } from './queries.ts';

const titles: Record<Show, string> = { screen: 'Screen', serial: 'Serial port' };

/** A server's screen or its serial port, to look at and to type into. */
export function ServerConsolePage() {
  const { id = '' } = useParams();
  const [search] = useSearchParams();
  const show: Show = search.get('show') === 'serial' ? 'serial' : 'screen';
  const server = useServer(id).data;
  return (
    <Page
      title={`Console of ${server?.name ?? 'a server'}`}
      back={{ to: paths.server(id), label: server?.name ?? 'Server' }}
      lead={server ? <Status status={server.status} task={server['OS-EXT-STS:task_state']} /> : undefined}
    >
      <nav className="tabs" aria-label="What is shown">
        {(['screen', 'serial'] as const).map((one) => (
          <Link key={one} to={paths.serverConsole(id, one)} aria-current={one === show ? 'page' : undefined}>
            {titles[one]}
          </Link>
        ))}
      </nav>
      <RemoteConsole key={show} id={id} show={show} />
    </Page>
  );
}

function RemoteConsole({ id, show }: { id: string; show: Show }) {
  const [attempt, setAttempt] = useState(0);
  const query = useRemoteConsole(id, show, attempt);
  return (
    <>
      <div className="toolbar">
        <Button busy={query.isPending} onClick={() => setAttempt(attempt + 1)}>
          Connect again
        </Button>
      </div>
      <Loaded query={query} what="the console">
        {(path) => (
          // A page of its own, with a policy of its own: what the guest sends is drawn there and reaches nothing here.
          <iframe
            className="console"
            key={path}
            src={path}
            title={titles[show]}
            sandbox="allow-scripts allow-same-origin"
            referrerPolicy="no-referrer"
          />
        )}
      </Loaded>
    </>
  );
}
