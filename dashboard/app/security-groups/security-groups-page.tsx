import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { Button } from '../parts/button.tsx';
import { DeleteButton } from '../parts/delete-button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Form, TextField } from '../parts/form.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Page } from '../parts/page.tsx';
import { Table } from '../parts/table.tsx';
import { paths } from '../paths.ts';
import { useSecurityGroupOperations, useSecurityGroups } from './queries.ts';

export function SecurityGroupsPage() {
  const query = useSecurityGroups();
  const { remove } = useSecurityGroupOperations();
  const [creating, setCreating] = useState(false);
  const create = (
    <Button kind="primary" onClick={() => setCreating(true)}>
      Create security group
    </Button>
  );
  return (
    <Page
      title="Security groups"
      actions={create}
      lead="What may reach servers and containers, and what they may reach."
    >
      <Loaded query={query} what="the security groups">
        {(groups) =>
          groups.length === 0 ? (
            <Empty title="No security groups yet" action={create} />
          ) : (
            <Table
              label="Security groups"
              items={groups}
              keyOf={(group) => group.id}
              columns={[
                {
                  title: 'Name',
                  cell: (group) => <Link to={paths.securityGroup(group.id)}>{group.name || group.id}</Link>,
                },
                { title: 'Description', cell: (group) => group.description },
                { title: 'Rules', align: 'right', cell: (group) => group.security_group_rules.length },
                {
                  title: 'Actions',
                  align: 'actions',
                  cell: (group) => (
                    <DeleteButton
                      kind="security group"
                      name={group.name}
                      whyNot={group.name === 'default' ? 'Every project keeps its default security group.' : null}
                      submit={() => remove(group.id)}
                    />
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
      {creating ? <CreateSecurityGroup close={() => setCreating(false)} /> : null}
    </Page>
  );
}

function CreateSecurityGroup({ close }: { close: () => void }) {
  const { create } = useSecurityGroupOperations();
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  return (
    <Dialog title="Create security group" close={close}>
      <Form
        submit={async () => navigate(paths.securityGroup((await create(name, description)).id))}
        submitLabel="Create"
        failed="Could not create the security group"
        cancel={close}
      >
        <TextField label="Name" value={name} onValue={setName} maxLength={255} required autoFocus />
        <TextField label="Description" value={description} onValue={setDescription} maxLength={255} />
      </Form>
    </Dialog>
  );
}
