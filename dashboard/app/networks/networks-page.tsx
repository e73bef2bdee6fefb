import { Link } from 'react-router';
import { DeleteButton } from '../parts/delete-button.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Table } from '../parts/table.tsx';
import { paths } from '../paths.ts';
import { useSession } from '../session/session-provider.tsx';
import { type Network, type Subnet, useDeleteNetwork, useNetworks, useSubnets } from './queries.ts';

const createLink = (
  <Link className="button primary" to={paths.createNetwork}>
    Create network
  </Link>
);

export function NetworksPage() {
  const query = useNetworks();
  const subnets = useSubnets();
  const remove = useDeleteNetwork();
  const { project } = useSession();
  return (
    <Page title="Networks" actions={createLink}>
      <Loaded query={query} what="the networks">
        {(networks) =>
          networks.length === 0 ? (
            <Empty title="No networks yet" action={createLink}>
              Servers and containers on one network reach each other by their addresses.
            </Empty>
          ) : (
            <Table
              label="Networks"
              items={networks}
              keyOf={(network) => network.id}
              columns={[
                {
                  title: 'Name',
                  cell: (network) => (
                    <>
                      {network.name || <code>{network.id}</code>} <Tags network={network} />
                    </>
                  ),
                },
                { title: 'Status', cell: (network) => <Status status={network.status} /> },
                {
                  title: 'Subnets',
                  cell: (network) => (
                    <Subnets
                      subnets={(subnets.data ?? []).filter((subnet) => subnet.network_id === network.id)}
                      isLoading={subnets.isPending}
                    />
                  ),
                },
                { title: 'MTU', align: 'right', cell: (network) => network.mtu },
                {
                  title: 'Actions',
                  align: 'actions',
                  cell: (network) => (
                    <DeleteButton
                      kind="network"
                      name={network.name}
                      whyNot={network.project_id === project.id ? null : 'It belongs to another project.'}
                      consequence="Its subnets go with it."
                      submit={() => remove(network.id)}
                    />
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  );
}

function Tags({ network }: { network: Network }) {
  return (
    <>
      {network['router:external'] ? <span className="tag">external</span> : null}
      {network.shared ? <span className="tag">shared</span> : null}
    </>
  );
}

function Subnets({ subnets, isLoading }: { subnets: Subnet[]; isLoading: boolean }) {
  if (subnets.length === 0) return <span className="quiet">{isLoading ? '…' : 'none'}</span>;
  return (
    <ul className="bare-list">
      {subnets.map((subnet) => (
        <li key={subnet.id}>
          <code>{subnet.cidr}</code>{' '}
          <span className="quiet">
            {[
              subnet.name,
              subnet.gateway_ip ? `gateway ${subnet.gateway_ip}` : 'no gateway',
              subnet.enable_dhcp ? 'DHCP' : 'no DHCP',
            ]
              .filter((text) => text !== '')
              .join(' · ')}
          </span>
        </li>
      ))}
    </ul>
  );
}
