import { Link, useSearchParams } from 'react-router';
import { useContainers } from '../containers/queries.ts';
import { useFlavors } from '../flavors/queries.ts';
import { useFloatingIps } from '../floating-ips/queries.ts';
import { useImages } from '../images/queries.ts';
import { FailureBox } from '../parts/failure-box.tsx';
import { SelectField, TextField } from '../parts/form.tsx';
import { mebibytes } from '../parts/format.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Table } from '../parts/table.tsx';
import { paths } from '../paths.ts';
import { useServers } from '../servers/queries.ts';
import { type Guest, guestList } from './guests.ts';
import { Usage } from './usage.tsx';

const create = (
  <>
    <Link className="button primary" to={paths.createServer}>
      Create server
    </Link>
    <Link className="button primary" to={paths.createContainer}>
      Create container
    </Link>
  </>
);

/** How much of the quota is used, and everything that runs: servers and containers in one list. */
export function OverviewPage() {
  return (
    <Page title="Servers & containers" actions={create}>
      <Usage />
      <Guests />
    </Page>
  );
}

function Guests() {
  const servers = useServers();
  const containers = useContainers();
  const images = useImages();
  const flavors = useFlavors();
  const floatingIps = useFloatingIps();
  const [query, setQuery] = useSearchParams();
  const text = query.get('text') ?? '';
  const kind = query.get('kind') ?? '';
  const change = (name: string, value: string) =>
    setQuery(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const imageName = (id: string) => images.data?.find((image) => image.id === id)?.name ?? id;
  // One service that does not answer must not hide what the other one has.
  if (!servers.data && !containers.data && servers.isPending)
    return (
      <Loaded query={servers} what="servers and containers">
        {() => null}
      </Loaded>
    );
  const there = {
    servers: servers.data ?? [],
    containers: containers.data ?? [],
    flavors: flavors.data ?? [],
    floatingIps: floatingIps.data ?? [],
  };
  const all = guestList(there, { text: '', kind: '' });
  const shown = guestList(there, { text, kind });
  return (
    <>
      {servers.error ? (
        <FailureBox error={servers.error} what="Could not load the servers" retry={() => void servers.refetch()} />
      ) : null}
      {containers.error ? (
        <FailureBox
          error={containers.error}
          what="Could not load the containers"
          retry={() => void containers.refetch()}
        />
      ) : null}
      <search className="filters">
        <TextField
          label="Search"
          type="search"
          placeholder="Name, address or id"
          value={text}
          onValue={(value) => change('text', value)}
        />
        <SelectField
          label="Kind"
          value={kind}
          onValue={(value) => change('kind', value)}
          none="Servers and containers"
          choices={[
            { value: 'server', label: 'Servers' },
            { value: 'container', label: 'Containers' },
          ]}
        />
      </search>
      {shown.length > 0 ? (
        <GuestTable guests={shown} imageName={imageName} />
      ) : all.length > 0 ? (
        <Empty title="Nothing matches" />
      ) : servers.error || containers.error ? null : (
        <Empty title="Nothing runs here yet" action={<div className="toolbar">{create}</div>}>
          A server is a virtual machine with a disk of its own; a container starts in a moment from an image. Both live
          on the same networks, under the same security groups.
        </Empty>
      )}
    </>
  );
}

function GuestTable({ guests, imageName }: { guests: Guest[]; imageName: (id: string) => string }) {
  return (
    <Table
      label="Servers and containers"
      items={guests}
      keyOf={(guest) => guest.id}
      columns={[
        { title: 'Name', cell: (guest) => <Link to={guest.path}>{guest.name || guest.id}</Link> },
        { title: 'Kind', cell: (guest) => <span className={`kind ${guest.kind}`}>{guest.kind}</span> },
        { title: 'Status', cell: (guest) => <Status status={guest.status} task={guest.task} /> },
        {
          title: 'Addresses',
          cell: (guest) => (
            <span className="address-row">
              {guest.addresses.map(({ addr, isFloating }) => (
                <code
                  key={addr}
                  className={isFloating ? 'floating' : ''}
                  title={isFloating ? 'floating IP' : undefined}
                >
                  {addr}
                </code>
              ))}
            </span>
          ),
        },
        { title: 'Image', cell: (guest) => (guest.imageId === '' ? '–' : imageName(guest.imageId)) },
        { title: 'vCPUs', align: 'right', cell: (guest) => guest.vcpus ?? '–' },
        {
          title: 'Memory',
          align: 'right',
          cell: (guest) => (guest.memoryMib === null ? '–' : mebibytes(guest.memoryMib)),
        },
      ]}
    />
  );
}
