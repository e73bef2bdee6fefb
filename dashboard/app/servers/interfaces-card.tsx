import { useState } from 'react';
import { useNetworks } from '../networks/queries.ts';
import { Button } from '../parts/button.tsx';
import { Confirm } from '../parts/dialog.tsx';
import { Form, SelectField } from '../parts/form.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Card } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Table } from '../parts/table.tsx';
import { type Interface, useChangeInterfaces, useInterfaces } from './queries.ts';
import { type Server, whyNot } from './server.ts';

/** The ports by which it is on its networks, which come and go while it runs. */
export function InterfacesCard({ server }: { server: Server }) {
  const query = useInterfaces(server);
  const networks = useNetworks().data ?? [];
  const nameOf = (id: string) => networks.find((network) => network.id === id)?.name ?? id;
  return (
    <Card title="Interfaces">
      <Loaded query={query} what="the interfaces">
        {(interfaces) =>
          interfaces.length === 0 ? (
            <Empty title="It is on no network" />
          ) : (
            <Table
              label="Interfaces"
              items={interfaces}
              keyOf={(one) => one.port_id}
              columns={[
                { title: 'Network', cell: (one) => nameOf(one.net_id) },
                { title: 'Status', cell: (one) => <Status status={one.port_state} /> },
                {
                  title: 'Addresses',
                  cell: (one) => <code>{one.fixed_ips.map(({ ip_address }) => ip_address).join(', ')}</code>,
                },
                { title: 'MAC', cell: (one) => <code>{one.mac_addr}</code> },
                { title: 'Actions', align: 'actions', cell: (one) => <DetachButton server={server} one={one} /> },
              ]}
            />
          )
        }
      </Loaded>
      <AttachForm server={server} />
    </Card>
  );
}

function DetachButton({ server, one }: { server: Server; one: Interface }) {
  const [asking, setAsking] = useState(false);
  const { detach } = useChangeInterfaces(server.id);
  const address = one.fixed_ips[0]?.ip_address ?? one.mac_addr;
  return (
    <>
      <Button
        kind="danger"
        whyNot={whyNot(server, 'change interfaces')}
        onClick={() => setAsking(true)}
        aria-label={`Detach ${address}`}
      >
        Detach
      </Button>
      {asking ? (
        <Confirm
          title={`Detach ${address}?`}
          verb="Detach"
          submit={() => detach(one.port_id)}
          close={() => setAsking(false)}
        >
          <p>The server is not reached at this address any more. A port that was made for it is deleted.</p>
        </Confirm>
      ) : null}
    </>
  );
}

function AttachForm({ server }: { server: Server }) {
  const { attach } = useChangeInterfaces(server.id);
  const networks = (useNetworks().data ?? []).filter((one) => !one['router:external'] && one.subnets.length > 0);
  const [chosen, setChosen] = useState('');
  const network = chosen || (networks[0]?.id ?? '');
  return (
    <Form
      submit={() => attach(network)}
      submitLabel="Attach"
      failed="Could not attach the interface"
      whyNot={network === '' ? 'There is no network with a subnet yet.' : whyNot(server, 'change interfaces')}
      inline
    >
      <SelectField
        label="Attach to network"
        value={network}
        onValue={setChosen}
        choices={networks.map(({ id, name }) => ({ value: id, label: name }))}
      />
    </Form>
  );
}
