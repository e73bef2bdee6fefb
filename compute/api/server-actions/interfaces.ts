/** Addresses of a server's interfaces, as clients changed them before 2.44 (nova/api/openstack/compute/multinic.py). */
import { isIP } from 'node:net';
import { Type } from 'typebox';
import { BadRequest } from '../../../common/errors.ts';
import { definePolicy, projectMember } from '../../../common/policy/rules.ts';
import { addFixedIp, removeFixedIp } from '../../servers/interfaces.ts';
import { closed } from '../fields.ts';
import { action } from './action.ts';

export const interfaceActionPolicy = definePolicy({
  'os_compute_api:os-multinic:add': projectMember('Give an interface of a server one more address'),
  'os_compute_api:os-multinic:remove': projectMember('Take an address from an interface of a server'),
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
    async run({ deps, ctx, id, value }) {
      if (isIP(value.address) === 0)
        throw new BadRequest(`Invalid input for field/attribute address. Value: ${value.address} is no address.`);
      await removeFixedIp(deps, ctx, id, value.address);
    },
  }),
};
