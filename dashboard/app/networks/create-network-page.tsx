import { useState } from 'react';
import { useNavigate } from 'react-router';
import { Form, TextField } from '../parts/form.tsx';
import { Card, Page } from '../parts/page.tsx';
import { paths } from '../paths.ts';
import { useCreateNetwork } from './queries.ts';

export function CreateNetworkPage() {
  const create = useCreateNetwork();
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [cidr, setCidr] = useState('10.0.0.0/24');
  const [dns, setDns] = useState('');
  const submit = async () => {
    const dns_nameservers = dns.split(/[\s,]+/).filter((address) => address !== '');
    await create(name, cidr.trim() === '' ? null : { name: `${name}-subnet`, cidr: cidr.trim(), dns_nameservers });
    navigate(paths.networks);
  };
  return (
    <Page title="Create network" back={{ to: paths.networks, label: 'Networks' }}>
      <Card title="Network">
        <Form
          submit={submit}
          submitLabel="Create network"
          failed="Could not create the network"
          cancel={() => navigate(paths.networks)}
        >
          <TextField label="Name" value={name} onValue={setName} maxLength={240} required autoFocus />
          <TextField
            label="Addresses of its subnet"
            hint="In CIDR form; DHCP hands them out, the first is the gateway. Empty: no subnet yet."
            value={cidr}
            onValue={setCidr}
          />
          <TextField label="DNS servers" hint="Separated by commas; optional." value={dns} onValue={setDns} />
        </Form>
      </Card>
    </Page>
  );
}
