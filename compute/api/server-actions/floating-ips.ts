/** Floating IPs of servers, until 2.43 (nova/api/openstack/compute/floating_ips.py); Network has them since. */
import { Type } from 'typebox';
import { definePolicy, projectMember } from '../../../common/policy/rules.ts';
import { addFloatingIp, removeFloatingIp } from '../../servers/floating-ips.ts';
import { closed } from '../fields.ts';
import { checkedAddress } from '../server-fields.ts';
import { action } from './action.ts';

export const floatingIpActionPolicy = definePolicy({
  'os_compute_api:os-floating-ips:add': projectMember('Point a floating IP at a server'),
  'os_compute_api:os-floating-ips:remove': projectMember('Point a floating IP at a server no longer'),
});

const Address = Type.String({ maxLength: 45 });

export const floatingIpActions = {
  addFloatingIp: action({
    rule: floatingIpActionPolicy['os_compute_api:os-floating-ips:add'],
    value: Type.Object({ address: Address, fixed_address: Type.Optional(Address) }, closed),
    to: [2, 43],
    async run({ deps, ctx, id, value }) {
      const fixed = value.fixed_address;
      await addFloatingIp(deps, ctx, id, {
        address: checkedAddress(value.address, 'address'),
        fixedAddress: fixed === undefined ? undefined : checkedAddress(fixed, 'fixed_address'),
      });
    },
  }),
  removeFloatingIp: action({
    rule: floatingIpActionPolicy['os_compute_api:os-floating-ips:remove'],
    value: Type.Object({ address: Address }, closed),
    to: [2, 43],
    run: ({ deps, ctx, id, value }) => removeFloatingIp(deps, ctx, id, checkedAddress(value.address, 'address')),
  }),
};
