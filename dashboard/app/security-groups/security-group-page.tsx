import { useParams } from 'react-router';
import { DeleteButton } from '../parts/delete-button.tsx';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { Card, Page } from '../parts/page.tsx';
import { Table } from '../parts/table.tsx';
import { paths } from '../paths.ts';
import { AddRuleForm } from './add-rule-form.tsx';
import { type SecurityGroup, useSecurityGroup, useSecurityGroupOperations, useSecurityGroups } from './queries.ts';
import { type Rule, trafficOf } from './rule.ts';

export function SecurityGroupPage() {
  const { id = '' } = useParams();
  const query = useSecurityGroup(id);
  return (
    <Page
      title={query.data?.name ?? 'Security group'}
      lead={query.data?.description}
      back={{ to: paths.securityGroups, label: 'Security groups' }}
    >
      <Loaded query={query} what="the security group">
        {(group) => (
          <>
            <Rules
              group={group}
              direction="ingress"
              title="Incoming"
              none="Nothing from outside reaches its members."
            />
            <Rules group={group} direction="egress" title="Outgoing" none="Its members reach nothing." />
            <AddRuleForm group={group} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Rules({
  group,
  direction,
  title,
  none,
}: {
  group: SecurityGroup;
  direction: Rule['direction'];
  title: string;
  none: string;
}) {
  const { removeRule } = useSecurityGroupOperations();
  const { data: groups = [] } = useSecurityGroups();
  const rules = group.security_group_rules.filter((rule) => rule.direction === direction);
  const other = (rule: Rule) => {
    if (rule.remote_group_id !== null)
      return `group ${groups.find(({ id }) => id === rule.remote_group_id)?.name ?? rule.remote_group_id}`;
    return rule.remote_ip_prefix ?? 'anywhere';
  };
  return (
    <Card title={title}>
      {rules.length === 0 ? (
        <Empty title={none} />
      ) : (
        <Table
          label={`${title} rules`}
          items={rules}
          keyOf={(rule) => rule.id}
          columns={[
            { title: 'Traffic', cell: trafficOf },
            { title: direction === 'ingress' ? 'From' : 'To', cell: other },
            { title: 'IP version', cell: (rule) => rule.ethertype },
            {
              title: 'Actions',
              align: 'actions',
              cell: (rule) => (
                <DeleteButton
                  kind="rule"
                  name={`${trafficOf(rule)}, ${other(rule)}`}
                  consequence="What only this rule let through is cut off at once."
                  submit={() => removeRule(rule.id)}
                />
              ),
            },
          ]}
        />
      )}
    </Card>
  );
}
