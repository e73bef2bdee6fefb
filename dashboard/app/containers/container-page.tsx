import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { floatingOf } from '../floating-ips/floating-ip.ts';
import { useFloatingIps } from '../floating-ips/queries.ts';
import { useImages } from '../images/queries.ts';
import { useNetworks } from '../networks/queries.ts';
import { Button } from '../parts/button.tsx';
import { DeleteButton } from '../parts/delete-button.tsx';
import { FailureBox } from '../parts/failure-box.tsx';
import { SelectField } from '../parts/form.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Log } from '../parts/log.tsx';
import { Card, Facts, Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { paths } from '../paths.ts';
import { type Container, commandText, whyNot } from './container.ts';
import { ExecuteCard } from './execute-card.tsx';
import { useContainer, useContainerAction, useContainerLogs, useDeleteContainer } from './queries.ts';

export function ContainerPage() {
  const { id = '' } = useParams();
  const query = useContainer(id);
  const container = query.data;
  return (
    <Page
      title={container?.name ?? 'Container'}
      back={{ to: paths.overview, label: 'Servers & containers' }}
      lead={container ? <Status status={container.status} task={container.task_state} /> : undefined}
    >
      <Loaded query={query} what="the container">
        {(container) => (
          <>
            <Actions container={container} />
            {container.status === 'Error' && container.status_reason ? (
              <div className="failure" role="alert">
                <strong>Why it is in Error</strong>
                <p className="failure-message">{container.status_reason}</p>
              </div>
            ) : null}
            <div className="columns">
              <ContainerFacts container={container} />
              <Addresses container={container} />
            </div>
            <LogsCard container={container} />
            <ExecuteCard container={container} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function ContainerFacts({ container }: { container: Container }) {
  const images = useImages();
  const image = images.data?.find(({ id }) => id === container.image)?.name ?? container.image;
  const environment = Object.entries(container.environment ?? {});
  return (
    <Card title="Facts">
      <Facts
        facts={{
          Id: <code>{container.uuid}</code>,
          Image: image,
          Command: commandText(container) ? <code>{commandText(container)}</code> : null,
          CPUs: container.cpu,
          Memory: container.memory ? `${container.memory} MiB` : null,
          Environment:
            environment.length > 0 ? (
              <ul className="bare-list">
                {environment.map(([name, value]) => (
                  <li key={name}>
                    <code>
                      {name}={value}
                    </code>
                  </li>
                ))}
              </ul>
            ) : null,
          'Restart policy': container.restart_policy?.Name,
          State: container.status === 'Error' ? null : (container.status_reason ?? container.status_detail),
        }}
      />
    </Card>
  );
}

function Addresses({ container }: { container: Container }) {
  const networks = useNetworks();
  const { data: floatingIps = [] } = useFloatingIps();
  const all = Object.entries(container.addresses ?? {}).flatMap(([network, addresses]) =>
    addresses.map((address) => ({ network, ...address })),
  );
  return (
    <Card title="Addresses">
      {all.length === 0 ? (
        <p className="quiet">It has no address.</p>
      ) : (
        <ul className="addresses">
          {all.flatMap(({ network, addr, port }) => [
            <li key={addr}>
              <code>{addr}</code>
              <span className="quiet">{networks.data?.find(({ id }) => id === network)?.name ?? network}</span>
            </li>,
            ...floatingOf(floatingIps, port).map((floating) => (
              <li key={floating}>
                <code>{floating}</code>
                <span className="tag">floating</span>
                <span className="quiet">leads to {addr}</span>
              </li>
            )),
          ])}
        </ul>
      )}
    </Card>
  );
}

function LogsCard({ container }: { container: Container }) {
  const refusal = whyNot(container, 'logs');
  return <Card title="Logs">{refusal ? <p className="quiet">{refusal}</p> : <Logs id={container.uuid} />}</Card>;
}

function Logs({ id }: { id: string }) {
  const [lines, setLines] = useState('100');
  const query = useContainerLogs(id, Number(lines));
  return (
    <>
      <div className="inline-control">
        <SelectField
          label="Lines"
          value={lines}
          onValue={setLines}
          choices={['20', '100', '1000'].map((value) => ({ value, label: `Last ${value}` }))}
        />
      </div>
      <Loaded query={query} what="the logs">
        {(text) => <Log label="Logs" text={text} />}
      </Loaded>
    </>
  );
}

function Actions({ container }: { container: Container }) {
  const action = useContainerAction(container.uuid);
  const remove = useDeleteContainer(container.uuid);
  const navigate = useNavigate();
  return (
    <>
      <div className="toolbar">
        <Button busy={action.isPending} whyNot={whyNot(container, 'start')} onClick={() => action.mutate('start')}>
          Start
        </Button>
        <Button busy={action.isPending} whyNot={whyNot(container, 'stop')} onClick={() => action.mutate('stop')}>
          Stop
        </Button>
        <DeleteButton
          kind="container"
          name={container.name}
          whyNot={container.status === 'Deleting' ? 'It is being deleted.' : null}
          consequence="What it wrote and its port go with it. This cannot be undone."
          submit={async () => {
            await remove();
            navigate(paths.overview);
          }}
        />
      </div>
      {action.error ? <FailureBox error={action.error} what="The container could not do that" /> : null}
    </>
  );
}
