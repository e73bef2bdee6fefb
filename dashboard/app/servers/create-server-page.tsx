import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useApi } from '../api/use-api.ts';
import { flavorText } from '../flavors/flavor-text.ts';
import { useFlavors } from '../flavors/queries.ts';
import { isForContainers } from '../images/image.ts';
import { useImages } from '../images/queries.ts';
import { useKeypairs } from '../keypairs/queries.ts';
import { useNetworks } from '../networks/queries.ts';
import { Form, SelectField, TextField } from '../parts/form.tsx';
import { Card, Page } from '../parts/page.tsx';
import { paths } from '../paths.ts';
import { useSecurityGroups } from '../security-groups/queries.ts';

export function CreateServerPage() {
  const api = useApi();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const flavors = useFlavors();
  const images = useImages();
  const networks = useNetworks();
  const keypairs = useKeypairs();
  const groups = useSecurityGroups();
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState({ image: '', flavor: '', network: '', keypair: '', group: '' });
  const choose = (field: keyof typeof chosen) => (value: string) => setChosen({ ...chosen, [field]: value });

  const usableImages = (images.data ?? []).filter((image) => image.status === 'active' && !isForContainers(image));
  const ownNetworks = (networks.data ?? []).filter(
    (network) => !network['router:external'] && network.subnets.length > 0,
  );
  const image = chosen.image || (usableImages[0]?.id ?? '');
  const flavor = chosen.flavor || (flavors.data?.[0]?.id ?? '');
  const network = chosen.network || (ownNetworks[0]?.id ?? '');
  const problem = [flavors, images, networks].find((query) => query.error)?.error;
  const whyNot = () => {
    if (problem) return `What it needs could not be loaded: ${problem.message}`;
    if (flavors.isPending || images.isPending || networks.isPending) return 'Loading what there is to choose from.';
    if (flavor === '') return 'There is no flavor. An administrator makes them.';
    return image === '' ? 'There is no image for servers. Upload one first.' : null;
  };
  const submit = async () => {
    const { server } = await api.post<{ server: { id: string } }>('compute', '/servers', {
      server: {
        name,
        imageRef: image,
        flavorRef: flavor,
        ...(network !== '' && { networks: [{ uuid: network }] }),
        ...(chosen.keypair !== '' && { key_name: chosen.keypair }),
        ...(chosen.group !== '' && { security_groups: [{ name: chosen.group }] }),
      },
    });
    await cache.invalidateQueries({ queryKey: ['servers'] });
    navigate(paths.server(server.id));
  };
  return (
    <Page title="Create server" back={{ to: paths.overview, label: 'Servers & containers' }}>
      <Card title="Server">
        <Form
          submit={submit}
          submitLabel="Create server"
          failed="Could not create the server"
          whyNot={whyNot()}
          cancel={() => navigate(paths.overview)}
        >
          <TextField label="Name" value={name} onValue={setName} maxLength={255} required autoFocus />
          <SelectField
            label="Image"
            value={image}
            onValue={choose('image')}
            choices={usableImages.map(({ id, name }) => ({ value: id, label: name ?? id }))}
          />
          <SelectField
            label="Flavor"
            value={flavor}
            onValue={choose('flavor')}
            choices={(flavors.data ?? []).map((item) => ({ value: item.id, label: flavorText(item) }))}
          />
          <SelectField
            label="Network"
            value={network}
            onValue={choose('network')}
            {...(ownNetworks.length === 0 && { none: 'There is no network with a subnet yet' })}
            choices={ownNetworks.map(({ id, name }) => ({ value: id, label: name }))}
          />
          <SelectField
            label="Key pair"
            hint="Without one nobody can log in over SSH."
            value={chosen.keypair}
            onValue={choose('keypair')}
            none="None"
            choices={(keypairs.data ?? []).map(({ name }) => ({ value: name, label: name }))}
          />
          <SelectField
            label="Security group"
            value={chosen.group}
            onValue={choose('group')}
            none="default"
            choices={(groups.data ?? [])
              .filter(({ name }) => name !== 'default')
              .map(({ id, name }) => ({ value: id, label: name }))}
          />
        </Form>
      </Card>
    </Page>
  );
}
