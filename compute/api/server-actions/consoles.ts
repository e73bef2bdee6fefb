import { Type } from 'typebox';
import type { Version } from '../../../common/http/microversion.ts';
import { openableConsole } from '../../servers/console.ts';
import { closed } from '../fields.ts';
import { remoteConsolePolicy } from '../remote-consoles.ts';
import { action } from './action.ts';

const last: Version = [2, 5];

/** As nova/api/openstack/compute/remote_consoles.py has them; 2.6 has one request for all. */
const consoleOf = (protocol: string, types: string[]) =>
  action({
    rule: remoteConsolePolicy['os_compute_api:os-remote-consoles'],
    to: last,
    value: Type.Object({ type: Type.Union(types.map((type) => Type.Literal(type))) }, closed),
    async run({ deps, ctx, id, value: { type }, h }) {
      return h.response({ console: { type, url: await openableConsole(deps, ctx, id, { protocol, type }) } });
    },
  });

export const consoleActions = {
  'os-getVNCConsole': consoleOf('vnc', ['novnc', 'xvpvnc']),
  'os-getSPICEConsole': consoleOf('spice', ['spice-html5']),
  'os-getRDPConsole': consoleOf('rdp', ['rdp-html5']),
  'os-getSerialConsole': consoleOf('serial', ['serial']),
};
