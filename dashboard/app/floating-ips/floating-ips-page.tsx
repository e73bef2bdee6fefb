import { useState } from 'react';
import { useContainers } from '../containers/queries.ts';
import { type Port, useNetworks, usePorts } from '../networks/queries.ts';
import { Button } from '../parts/button.tsx';
import { DeleteButton } from '../parts/delete-button.tsx';
import { Confirm, Dialog } from '../parts/dialog.tsx';
import { Form, SelectField } from '../parts/form.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Table } from '../parts/table.tsx';
import { useServers } from '../servers/queries.ts';
import type { FloatingIp } from './floating-ip.ts';
import { useFloatingIpOperations, useFloatingIps } from './queries.ts';

export function FloatingIpsPage() {
  const query = useFloatingIps();
  const { release } = useFloatingIpOperations();
  const { data: ports = [] } = usePorts();
  const labelOf = usePortLabel();
  const [allocating, setAllocating] = useState(false);
  const allocate = (
    <Button kind="primary" onClick={() => setAllocating(true)}>
      Allocate floating IP
    </Button>
  );
  const portOf = (id: string) => ports.find((port) => port.id === id);
  return (
    <Page
      title="Floating IPs"
      actions={allocate}
      lead="An address of the outside that leads to one server or container."
    >
      <Loaded query={query} what="the floating IPs">
        {(floatingIps) =>
          floatingIps.length === 0 ? (
            <Empty title="No floating IPs yet" action={allocate} />
          ) : (
            <Table
              label="Floating IPs"
              items={floatingIps}
              keyOf={(item) => item.id}
              columns={[
                { title: 'Address', cell: (item) => <code>{item.floating_ip_address}</code> },
                { title: 'Status', cell: (item) => <Status status={item.status} /> },
                {
                  title: 'Leads to',
                  cell: (item) => {
                    if (item.port_id === null) return <span className="quiet">nothing</span>;
                    const port = portOf(item.port_id);
                    return port ? labelOf(port) : <code>{item.fixed_ip_address}</code>;
                  },
                },
                {
                  title: 'Actions',
                  align: 'actions',
                  cell: (item) => (
                    <div className="toolbar">
                      <Association floatingIp={item} />
                      <DeleteButton
                        kind="floating IP"
                        name={item.floating_ip_address}
                        consequence="Somebody else may get this address then."
                        submit={() => release(item.id)}
                      />
                    </div>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      {allocating ? <Allocate close={() => setAllocating(false)} /> : null}
    </Page>
  );
}

/** A port by what is behind it: `web-1 (10.0.0.5)`. */
function usePortLabel(): (port: Port) => string {
  const { data: servers = [] } = useServers();
  const { data: containers = [] } = useContainers();
  return ({ device_id, name, id, fixed_ips }) => {
    const device =
      servers.find((server) => server.id === device_id)?.name ??
      containers.find((container) => container.uuid === device_id)?.name;
    return `${device ?? (name || id)} (${fixed_ips.map(({ ip_address }) => ip_address).join(', ')})`;
  };
}

function Association({ floatingIp }: { floatingIp: FloatingIp }) {
  const { associate } = useFloatingIpOperations();
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  const isFree = floatingIp.port_id === null;
  return (
    <>
      <Button onClick={() => setOpen(true)}>{isFree ? 'Associate' : 'Disassociate'}</Button>
      {open && isFree ? <Associate floatingIp={floatingIp} close={close} /> : null}
      {open && !isFree ? (
        <Confirm
          title={`Disassociate ${floatingIp.floating_ip_address}?`}
          verb="Disassociate"
          submit={() => associate(floatingIp.id, null)}
          close={close}
        >
          <p>It stays yours, but leads nowhere until it is associated again.</p>
        </Confirm>
      ) : null}
    </>
  );
}

function Associate({ floatingIp, close }: { floatingIp: FloatingIp; close: () => void }) {
  const { associate } = useFloatingIpOperations();
  const { data: ports = [] } = usePorts();
  const labelOf = usePortLabel();
  const usable = ports.filter((port) => !port.device_owner.startsWith('network:') && port.fixed_ips.length > 0);
  const [chosen, setChosen] = useState('');
  const port = chosen || (usable[0]?.id ?? '');
  return (
    <Dialog title={`Associate ${floatingIp.floating_ip_address}`} close={close}>
      <Form
        submit={async () => {
          await associate(floatingIp.id, port);
          close();
        }}
        submitLabel="Associate"
        failed="Could not associate the floating IP"
        whyNot={port === '' ? 'There is no server or container with an address.' : null}
        cancel={close}
      >
        <SelectField
          label="Server or container"
          hint="Its network must be connected to the outside by a router."
          value={port}
          onValue={setChosen}
          choices={usable.map((item) => ({ value: item.id, label: labelOf(item) }))}
        />
      </Form>
    </Dialog>
  );
}

function Allocate({ close }: { close: () => void }) {
  const { allocate } = useFloatingIpOperations();
  const { data: networks = [] } = useNetworks();
  const outside = networks.filter((network) => network['router:external']);
  const [chosen, setChosen] = useState('');
  const network = chosen || (outside[0]?.id ?? '');
  return (
    <Dialog title="Allocate floating IP" close={close}>
      <Form
        submit={async () => {
          await allocate(network);
          close();
        }}
        submitLabel="Allocate"
        failed="Could not allocate a floating IP"
        whyNot={network === '' ? 'There is no external network to take an address from.' : null}
        cancel={close}
      >
        <SelectField
          label="External network"
          value={network}
          onValue={setChosen}
          choices={outside.map(({ id, name }) => ({ value: id, label: name }))}
        />
      </Form>
    </Dialog>
  );
}
