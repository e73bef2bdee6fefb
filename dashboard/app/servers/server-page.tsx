import { Link, useNavigate, useParams } from 'react-router';
import { flavorText } from '../flavors/flavor-text.ts';
import { useFlavors } from '../flavors/queries.ts';
import { useImages } from '../images/queries.ts';
import { Button } from '../parts/button.tsx';
import { DeleteButton } from '../parts/delete-button.tsx';
import { FailureBox } from '../parts/failure-box.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Card, Facts, Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Time } from '../parts/time.tsx';
import { paths } from '../paths.ts';
import { ServerAddresses } from './addresses.tsx';
import { ConsoleCard } from './console-card.tsx';
import { HistoryCard } from './history-card.tsx';
import { InterfacesCard } from './interfaces-card.tsx';
import { MoreActions } from './more-actions.tsx';
import { useDeleteServer, useServer, useServerAction } from './queries.ts';
import { type Server, whyNot } from './server.ts';

export function ServerPage() {
  const { id = '' } = useParams();
  const query = useServer(id);
  const server = query.data;
  return (
    <Page
      title={server?.name ?? 'Server'}
      back={{ to: paths.overview, label: 'Servers & containers' }}
      lead={
        server ? (
          <>
            <Status status={server.status} task={server['OS-EXT-STS:task_state']} />{' '}
            {server.locked ? <span className="tag">locked</span> : null}
          </>
        ) : undefined
      }
    >
      <Loaded query={query} what="the server">
        {(server) => <Content server={server} />}
      </Loaded>
    </Page>
  );
}

function Content({ server }: { server: Server }) {
  return (
    <>
      <Actions server={server} />
      {server.fault ? (
        <div className="failure" role="alert">
          <strong>Why it is in {server.status}</strong>
          <p className="failure-message">{server.fault.message}</p>
          {server.fault.details ? <pre className="log">{server.fault.details}</pre> : null}
          <p className="quiet">
            <Time at={server.fault.created} />
          </p>
        </div>
      ) : null}
      <div className="columns">
        <ServerFacts server={server} />
        <Card title="Addresses">
          <ServerAddresses server={server} />
        </Card>
      </div>
      <InterfacesCard server={server} />
      <ConsoleCard server={server} />
      <HistoryCard server={server} />
    </>
  );
}

function ServerFacts({ server }: { server: Server }) {
  const images = useImages();
  const imageId = server.image === '' ? '' : server.image.id;
  const flavor = useFlavors().data?.find(({ id }) => id === server.flavor.id);
  return (
    <Card title="Facts">
      <Facts
        facts={{
          Id: <code>{server.id}</code>,
          Description: server.description,
          Tags:
            server.tags.length === 0
              ? null
              : server.tags.map((tag) => (
                  <span className="tag" key={tag}>
                    {tag}
                  </span>
                )),
          Flavor: flavor ? flavorText(flavor) : <code>{server.flavor.id}</code>,
          Image:
            imageId === ''
              ? null
              : (images.data?.find((image) => image.id === imageId)?.name ?? <code>{imageId}</code>),
          'Key pair': server.key_name,
          'Security groups': server.security_groups?.map((group) => group.name).join(', '),
          'Availability zone': server['OS-EXT-AZ:availability_zone'],
          Created: <Time at={server.created} />,
          Launched: server['OS-SRV-USG:launched_at'] ? <Time at={server['OS-SRV-USG:launched_at']} /> : null,
        }}
      />
    </Card>
  );
}

function Actions({ server }: { server: Server }) {
  const action = useServerAction(server.id);
  const remove = useDeleteServer(server.id);
  const navigate = useNavigate();
  const isDeleting = server['OS-EXT-STS:task_state'] === 'deleting';
  const busy = action.isPending;
  return (
    <>
      <div className="toolbar">
        <Button busy={busy} whyNot={whyNot(server, 'start')} onClick={() => action.mutate({ 'os-start': null })}>
          Start
        </Button>
        <Button busy={busy} whyNot={whyNot(server, 'stop')} onClick={() => action.mutate({ 'os-stop': null })}>
          Stop
        </Button>
        <Button
          busy={busy}
          whyNot={whyNot(server, 'soft reboot')}
          onClick={() => action.mutate({ reboot: { type: 'SOFT' } })}
        >
          Reboot
        </Button>
        <Button
          busy={busy}
          whyNot={whyNot(server, 'hard reboot')}
          onClick={() => action.mutate({ reboot: { type: 'HARD' } })}
        >
          Hard reboot
        </Button>
        <Link className="button plain" to={paths.serverConsole(server.id)}>
          Open console
        </Link>
        <DeleteButton
          kind="server"
          name={server.name}
          whyNot={isDeleting ? 'It is being deleted.' : server.locked ? 'It is locked; unlock it first.' : null}
          consequence="Its disk and its ports go with it. This cannot be undone."
          submit={async () => {
            await remove();
            navigate(paths.overview);
          }}
        />
      </div>
      <MoreActions server={server} action={action} />
      {action.error ? <FailureBox error={action.error} what="The server could not do that" /> : null}
    </>
  );
}
