import { useState } from 'react';
import { DeleteButton } from '../parts/delete-button.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Page } from '../parts/page.tsx';
import { Table } from '../parts/table.tsx';
import { KeypairForms } from './keypair-forms.tsx';
import { NewPrivateKey } from './new-private-key.tsx';
import { type Keypair, useDeleteKeypair, useKeypairs } from './queries.ts';

export function KeypairsPage() {
  const query = useKeypairs();
  const remove = useDeleteKeypair();
  const [made, setMade] = useState<Keypair | null>(null);
  return (
    <Page
      title="Key pairs"
      lead="A server takes the public key at its first boot; whoever has the private key can log in."
    >
      {made?.private_key ? <NewPrivateKey keypair={made} close={() => setMade(null)} /> : null}
      <Loaded query={query} what="the key pairs">
        {(keypairs) =>
          keypairs.length === 0 ? (
            <Empty title="No key pairs yet">
              Import the public key that you already have, or let the cloud make a pair.
            </Empty>
          ) : (
            <Table
              label="Key pairs"
              items={keypairs}
              keyOf={(keypair) => keypair.name}
              columns={[
                { title: 'Name', cell: (keypair) => keypair.name },
                { title: 'Type', cell: (keypair) => keypair.type },
                { title: 'Fingerprint', cell: (keypair) => <code>{keypair.fingerprint}</code> },
                {
                  title: 'Actions',
                  align: 'actions',
                  cell: (keypair) => (
                    <DeleteButton
                      kind="key pair"
                      name={keypair.name}
                      consequence="Servers that have it keep it."
                      submit={() => remove(keypair.name)}
                    />
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <KeypairForms made={setMade} />
    </Page>
  );
}
