import { useState } from 'react';
import { Field, Form, TextField } from '../parts/form.tsx';
import { Card } from '../parts/page.tsx';
import { type Keypair, useCreateKeypair } from './queries.ts';

/** The two ways to a key pair: bring the public half, or have both made. */
export function KeypairForms({ made }: { made: (keypair: Keypair) => void }) {
  return (
    <div className="columns">
      <ImportForm />
      <GenerateForm made={made} />
    </div>
  );
}

function ImportForm() {
  const create = useCreateKeypair();
  const [name, setName] = useState('');
  const [publicKey, setPublicKey] = useState('');
  const submit = async () => {
    await create(name, publicKey.trim());
    setName('');
    setPublicKey('');
  };
  return (
    <Card title="Import a public key">
      <Form submit={submit} submitLabel="Import" failed="Could not import the key">
        <TextField label="Name" value={name} onValue={setName} maxLength={255} required />
        <Field label="Public key" hint="The content of a file like ~/.ssh/id_ed25519.pub.">
          {(ids) => (
            <textarea
              {...ids}
              rows={4}
              spellCheck={false}
              required
              value={publicKey}
              onChange={(event) => setPublicKey(event.target.value)}
            />
          )}
        </Field>
      </Form>
    </Card>
  );
}

function GenerateForm({ made }: { made: (keypair: Keypair) => void }) {
  const create = useCreateKeypair();
  const [name, setName] = useState('');
  const submit = async () => {
    made(await create(name, null));
    setName('');
  };
  return (
    <Card title="Make a new pair">
      <Form submit={submit} submitLabel="Make" failed="Could not make the key pair">
        <TextField
          label="Name"
          hint="The private key is shown once, right after; the cloud does not keep it."
          value={name}
          onValue={setName}
          maxLength={255}
          required
        />
      </Form>
    </Card>
  );
}
