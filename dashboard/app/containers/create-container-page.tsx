import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useApi } from '../api/use-api.ts';
import { isForContainers } from '../images/image.ts';
import { useImages } from '../images/queries.ts';
import { useNetworks } from '../networks/queries.ts';
import { Field, Form, SelectField, TextField } from '../parts/form.tsx';
import { Card, Page } from '../parts/page.tsx';
import { paths } from '../paths.ts';
import { useSecurityGroups } from '../security-groups/queries.ts';
import type { Container } from './container.ts';
import { environmentOf } from './environment.ts';
import { wordsOf } from './words.ts';

export function CreateContainerPage() {
  const api = useApi();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const images = useImages();
  const networks = useNetworks();
  const groups = useSecurityGroups();
  const [fields, setFields] = useState({
    name: '',
    image: '',
    command: '',
    environment: '',
    network: '',
    group: '',
    cpu: '1',
    memory: '256',
  });
  const set = (field: keyof typeof fields) => (value: string) => setFields({ ...fields, [field]: value });

  const usableImages = (images.data ?? []).filter((image) => image.status === 'active' && isForContainers(image));
  const ownNetworks = (networks.data ?? []).filter(
    (network) => !network['router:external'] && network.subnets.length > 0,
  );
  const image = fields.image || (usableImages[0]?.id ?? '');
  const network = fields.network || (ownNetworks[0]?.id ?? '');
  const command = wordsOf(fields.command);
  const environment = environmentOf(fields.environment);
  const problem = [images, networks].find((query) => query.error)?.error;
  const whyNot = () => {
    if (problem) return `What it needs could not be loaded: ${problem.message}`;
    if (images.isPending || networks.isPending) return 'Loading what there is to choose from.';
    if (image === '') return 'There is no image for containers. Upload an archive of docker save first.';
    if (command === undefined) return 'A quote in the command is still open.';
    return environment === undefined ? 'The environment needs one NAME=value on each line.' : null;
  };
  const submit = async () => {
    const container = await api.post<Container>('container', '/containers?run=true', {
      name: fields.name,
      image,
      image_driver: 'glance',
      cpu: Number(fields.cpu),
      memory: fields.memory,
      ...(command && command.length > 0 && { command }),
      ...(environment && Object.keys(environment).length > 0 && { environment }),
      ...(network !== '' && { nets: [{ network }] }),
      ...(fields.group !== '' && { security_groups: [fields.group] }),
    });
    await cache.invalidateQueries({ queryKey: ['containers'] });
    navigate(paths.container(container.uuid));
  };
  return (
    <Page title="Create container" back={{ to: paths.overview, label: 'Servers & containers' }}>
      <Card title="Container">
        <Form
          submit={submit}
          submitLabel="Create container"
          failed="Could not create the container"
          whyNot={whyNot()}
          cancel={() => navigate(paths.overview)}
        >
          <TextField
            label="Name"
            hint="Two or more letters, digits, dots, dashes and underscores."
            value={fields.name}
            onValue={set('name')}
            pattern="[a-zA-Z0-9][a-zA-Z0-9_.\-]+"
            maxLength={255}
            required
            autoFocus
          />
          <SelectField
            label="Image"
            value={image}
            onValue={set('image')}
            choices={usableImages.map(({ id, name }) => ({ value: id, label: name ?? id }))}
          />
          <TextField
            label="Command"
            hint="Empty: what the image says. Without a shell: quotes group words."
            value={fields.command}
            onValue={set('command')}
            placeholder="sleep 3600"
          />
          <Field label="Environment" hint="One NAME=value on each line.">
            {(ids) => (
              <textarea
                {...ids}
                rows={3}
                spellCheck={false}
                value={fields.environment}
                onChange={(event) => set('environment')(event.target.value)}
              />
            )}
          </Field>
          <SelectField
            label="Network"
            value={network}
            onValue={set('network')}
            {...(ownNetworks.length === 0 && { none: 'There is no network with a subnet yet' })}
            choices={ownNetworks.map(({ id, name }) => ({ value: id, label: name }))}
          />
          <SelectField
            label="Security group"
            value={fields.group}
            onValue={set('group')}
            none="default"
            choices={(groups.data ?? [])
              .filter(({ name }) => name !== 'default')
              .map(({ id, name }) => ({ value: id, label: name }))}
          />
          <div className="pair">
            <TextField
              label="CPUs"
              type="number"
              min="0.1"
              step="0.1"
              value={fields.cpu}
              onValue={set('cpu')}
              required
            />
            <TextField
              label="Memory, MiB"
              type="number"
              min="4"
              step="1"
              value={fields.memory}
              onValue={set('memory')}
              required
            />
          </div>
        </Form>
      </Card>
    </Page>
  );
}
