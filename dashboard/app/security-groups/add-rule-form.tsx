import { useState } from 'react';
import { Form, SelectField, TextField } from '../parts/form.tsx';
import { Card } from '../parts/page.tsx';
import { type SecurityGroup, useSecurityGroupOperations, useSecurityGroups } from './queries.ts';
import { portRange, type Rule, traffic } from './rule.ts';

const directions = [
  { value: 'ingress', label: 'Incoming' },
  { value: 'egress', label: 'Outgoing' },
];

/** One rule: a direction, what traffic, and with whom, which is an address range or another group. */
export function AddRuleForm({ group }: { group: SecurityGroup }) {
  const { addRule } = useSecurityGroupOperations();
  const { data: groups = [] } = useSecurityGroups();
  const [direction, setDirection] = useState<Rule['direction']>('ingress');
  const [kind, setKind] = useState('tcp');
  const [ports, setPorts] = useState('22');
  const [prefix, setPrefix] = useState('0.0.0.0/0');
  const [remoteGroup, setRemoteGroup] = useState('');
  const choice = traffic.find(({ value }) => value === kind);
  const range = choice?.ports ? portRange(ports) : null;
  const submit = () =>
    addRule({
      security_group_id: group.id,
      direction,
      ethertype: remoteGroup === '' && prefix.includes(':') ? 'IPv6' : 'IPv4',
      protocol: choice?.protocol ?? null,
      port_range_min: range?.min ?? null,
      port_range_max: range?.max ?? null,
      remote_ip_prefix: remoteGroup === '' && prefix.trim() !== '' ? prefix.trim() : null,
      remote_group_id: remoteGroup === '' ? null : remoteGroup,
    });
  return (
    <Card title="Add a rule">
      <Form
        submit={submit}
        submitLabel="Add rule"
        failed="Could not add the rule"
        whyNot={range === undefined ? 'Ports are one number or a range, from 1 to 65535.' : null}
        inline
      >
        <SelectField
          label="Direction"
          value={direction}
          onValue={(value) => setDirection(value as Rule['direction'])}
          choices={directions}
        />
        <SelectField label="Traffic" value={kind} onValue={setKind} choices={traffic} />
        {choice?.ports ? (
          <TextField label="Ports" value={ports} onValue={setPorts} placeholder="all" inputMode="numeric" />
        ) : null}
        <SelectField
          label={direction === 'ingress' ? 'From' : 'To'}
          value={remoteGroup}
          onValue={setRemoteGroup}
          none="Addresses"
          choices={groups.map(({ id, name }) => ({ value: id, label: `Group ${name}` }))}
        />
        {remoteGroup === '' ? (
          <TextField label="Address range" value={prefix} onValue={setPrefix} placeholder="anywhere" />
        ) : null}
      </Form>
    </Card>
  );
}
