import { useState } from 'react';
import { useNetworks, usePorts, useSubnets } from '../networks/queries.ts';
import { Button } from '../parts/button.tsx';
import { DeleteButton } from '../parts/delete-button.tsx';
import { Confirm, Dialog } from '../parts/dialog.tsx';
import { Form, SelectField, TextField } from '../parts/form.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Table } from '../parts/table.tsx';
import { type Router, useRouterOperations, useRouters } from './queries.ts';

export function RoutersPage() {
  const query = useRouters();
  const networks = useNetworks();
  const { remove } = useRouterOperations();
  const interfaces = useInterfaces();
  const [creating, setCreating] = useState(false);
  const create = (
    <Button kind="primary" onClick={() => setCreating(true)}>
      Create router
    </Button>
  );
  const nameOf = (id: string) => networks.data?.find((network) => network.id === id)?.name ?? id;
  return (
    <Page
      title="Routers"
      actions={create}
      lead="A router connects networks with each other and with the world outside."
    >
      <Loaded query={query} what="the routers">
        {(routers) =>
          routers.length === 0 ? (
            <Empty title="No routers yet" action={create} />
          ) : (
            <Table
              label="Routers"
              items={routers}
              keyOf={(router) => router.id}
              columns={[
                { title: 'Name', cell: (router) => router.name || <code>{router.id}</code> },
                { title: 'Status', cell: (router) => <Status status={router.status} /> },
                {
                  title: 'Outside',
                  cell: ({ external_gateway_info: outside }) =>
                    outside ? (
                      <>
                        {nameOf(outside.network_id)}{' '}
                        <code>{outside.external_fixed_ips?.map(({ ip_address }) => ip_address).join(', ')}</code>
                      </>
                    ) : (
                      <span className="quiet">not connected</span>
                    ),
                },
                {
                  title: 'Inside',
                  cell: (router) => <Interfaces router={router} interfaces={interfaces(router.id)} />,
                },
                {
                  title: 'Actions',
                  align: 'actions',
                  cell: (router) => (
                    <DeleteButton
                      kind="router"
                      name={router.name}
                      whyNot={interfaces(router.id).length > 0 ? 'Disconnect its subnets first.' : null}
                      submit={() => remove(router.id)}
                    />
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      {creating ? <CreateRouter close={() => setCreating(false)} /> : null}
    </Page>
  );
}

interface RouterInterface {
  subnetId: string;
  address: string;
  label: string;
}

/** The subnets a router is connected to, which the API shows as its ports. */
function useInterfaces(): (routerId: string) => RouterInterface[] {
  const { data: ports = [] } = usePorts();
  const { data: subnets = [] } = useSubnets();
  return (routerId) =>
    ports
      .filter((port) => port.device_id === routerId && port.device_owner === 'network:router_interface')
      .flatMap((port) => port.fixed_ips)
      .map(({ subnet_id, ip_address }) => {
        const subnet = subnets.find(({ id }) => id === subnet_id);
        return { subnetId: subnet_id, address: ip_address, label: subnet?.name || subnet?.cidr || subnet_id };
      });
}

function Interfaces({ router, interfaces }: { router: Router; interfaces: RouterInterface[] }) {
  const { disconnect } = useRouterOperations();
  const [connecting, setConnecting] = useState(false);
  const [leaving, setLeaving] = useState<RouterInterface | null>(null);
  return (
    <>
      <ul className="bare-list">
        {interfaces.map((item) => (
          <li key={item.subnetId}>
            {item.label} <code>{item.address}</code>{' '}
            <button type="button" className="link" onClick={() => setLeaving(item)}>
              Disconnect<span className="visually-hidden"> {item.label}</span>
            </button>
          </li>
        ))}
      </ul>
      <button type="button" className="link" onClick={() => setConnecting(true)}>
        Connect a subnet
      </button>
      {connecting ? <ConnectSubnet router={router} close={() => setConnecting(false)} /> : null}
      {leaving ? (
        <Confirm
          title={`Disconnect “${leaving.label}”?`}
          verb="Disconnect"
          submit={() => disconnect(router.id, leaving.subnetId)}
          close={() => setLeaving(null)}
        >
          <p>What is on it will no longer reach other networks through this router.</p>
        </Confirm>
      ) : null}
    </>
  );
}

function ConnectSubnet({ router, close }: { router: Router; close: () => void }) {
  const { connect } = useRouterOperations();
  const { data: subnets = [] } = useSubnets();
  const { data: networks = [] } = useNetworks();
  const inside = subnets.filter(
    (subnet) => !networks.find((network) => network.id === subnet.network_id)?.['router:external'],
  );
  const [chosen, setChosen] = useState('');
  const subnet = chosen || (inside[0]?.id ?? '');
  return (
    <Dialog title={`Connect a subnet to “${router.name}”`} close={close}>
      <Form
        submit={async () => {
          await connect(router.id, subnet);
          close();
        }}
        submitLabel="Connect"
        failed="Could not connect the subnet"
        whyNot={subnet === '' ? 'There is no subnet to connect.' : null}
        cancel={close}
      >
        <SelectField
          label="Subnet"
          value={subnet}
          onValue={setChosen}
          choices={inside.map(({ id, name, cidr }) => ({ value: id, label: name ? `${name} (${cidr})` : cidr }))}
        />
      </Form>
    </Dialog>
  );
}

function CreateRouter({ close }: { close: () => void }) {
  const { create } = useRouterOperations();
  const { data: networks = [] } = useNetworks();
  const [name, setName] = useState('');
  const [outside, setOutside] = useState('');
  return (
    <Dialog title="Create router" close={close}>
      <Form
        submit={async () => {
          await create(name, outside === '' ? null : outside);
          close();
        }}
        submitLabel="Create router"
        failed="Could not create the router"
        cancel={close}
      >
        <TextField label="Name" value={name} onValue={setName} maxLength={255} required autoFocus />
        <SelectField
          label="External network"
          value={outside}
          onValue={setOutside}
          none="Not connected to the outside"
          choices={networks
            .filter((network) => network['router:external'])
            .map(({ id, name }) => ({ value: id, label: name }))}
        />
      </Form>
    </Dialog>
  );
}
