/** What of a server's interfaces is changed by actions: addresses until 2.43 (nova's multinic.py), and security groups. */
import { Type } from 'typebox';
import { definePolicy, projectMember } from '../../../common/policy/rules.ts';
import { addFixedIp, removeFixedIp } from '../../servers/interfaces.ts';
import { changeSecurityGroup } from '../../servers/security-groups.ts';
import { closed } from '../fields.ts';
import { checkedAddress } from '../server-fields.ts';
import { action } from './action.ts';

export const interfaceActionPolicy = definePolicy({
  'os_compute_api:os-multinic:add': projectMember('Give an interface of a server one more address'),
  'os_compute_api:os-multinic:remove': projectMember('Take an address from an interface of a server'),
  'os_compute_api:os-security-groups:add': projectMember('Give a server a security group'),
  'os_compute_api:os-security-groups:remove': projectMember('Take a security group from a server'),
});

const Group = Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }) }, closed);

const securityGroup = (change: 'add' | 'remove') =>
  action({
    rule: interfaceActionPolicy[`os_compute_api:os-security-groups:${change}`],
    value: Group,
    run: ({ deps, ctx, id, value }) => changeSecurityGroup(deps, ctx, id, change, value.name),
  });

export const interfaceActions = {
  addFixedIp: action({
    rule: interfaceActionPolicy['os_compute_api:os-multinic:add'],
    value: Type.Object({ networkId: Type.Union([Type.String({ maxLength: 255 }), Type.Integer()]) }, closed),
    to: [2, 43],
    run: ({ deps, ctx, id, value }) => addFixedIp(deps, ctx, id, String(value.networkId)),
  }),
  removeFixedIp: action({
    rule: interfaceActionPolicy['os_compute_api:os-multinic:remove'],
    value: Type.Object({ address: Type.String({ maxLength: 45 }) }, closed),
    to: [2, 43],
    run: ({ deps, ctx, id, value }) => removeFixedIp(deps, ctx, id, checkedAddress(value.address, 'address')),
  }),
  addSecurityGroup: securityGroup('add'),
  removeSecurityGroup: securityGroup('remove'),
};
