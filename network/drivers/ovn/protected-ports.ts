/**
 * What holds for every port with port security, whatever its security groups say. The checks of source addresses are not here
 * but in each port's `port_security`, which OVN applies before any ACL: no rule can jump over them.
 *
 * IPv6 router advertisements of a guest are what cannot be forbidden here: OVN lets neighbour discovery through above every
 * priority an ACL can have, in each of its stages (ovn-northd(8), 65532; seen with 23.03). See README.md.
 */
import { derivedId, mark, PROTECTED_PORTS_ID, PROTECTED_PORTS_NAME } from './names.ts';
import type { NorthboundChanges } from './plan.ts';

/** A higher one wins. Those of security groups lie between the two. */
const FORBID_PRIORITY = 2_000;
const NEEDED_PRIORITY = 1_500;
export const ALLOW_PRIORITY = 1_002;
const DROP_PRIORITY = 1_001;

const FROM = `inport == @${PROTECTED_PORTS_NAME}`;
const TO = `outport == @${PROTECTED_PORTS_NAME}`;

interface Acl {
  direction: 'from-lport' | 'to-lport';
  priority: number;
  action: 'drop' | 'allow' | 'allow-related';
  match: string;
}

const ACLS: Readonly<Record<string, Acl>> = {
  'drop from': { direction: 'from-lport', priority: DROP_PRIORITY, action: 'drop', match: FROM },
  'drop to': { direction: 'to-lport', priority: DROP_PRIORITY, action: 'drop', match: TO },
  'arp from': { direction: 'from-lport', priority: NEEDED_PRIORITY, action: 'allow', match: `${FROM} && arp` },
  'arp to': { direction: 'to-lport', priority: NEEDED_PRIORITY, action: 'allow', match: `${TO} && arp` },
  // A guest asks for its address; OVN's own answers pass anyway.
  'dhcp client': needed('ip4 && udp && udp.src == 68 && udp.dst == 67'),
  'dhcpv6 client': needed('ip6 && udp && udp.src == 546 && udp.dst == 547'),
  // A guest that gives addresses or routes to its neighbours.
  'dhcp server': forbidden('ip4 && udp && udp.src == 67 && udp.dst == 68'),
  'dhcpv6 server': forbidden('ip6 && udp && udp.src == 547 && udp.dst == 546'),
};

export function planProtectedPorts(changes: NorthboundChanges): void {
  changes.put('Port_Group', PROTECTED_PORTS_ID, { name: PROTECTED_PORTS_NAME, external_ids: mark('part') });
  const acls = Object.entries(ACLS).map(([name, acl]) => {
    const id = derivedId('protected ports', name);
    changes.put('ACL', id, { ...acl, external_ids: mark('part') });
    return id;
  });
  changes.replaceSet('Port_Group', PROTECTED_PORTS_ID, 'acls', new Set(acls));
}

function needed(match: string): Acl {
  return { direction: 'from-lport', priority: NEEDED_PRIORITY, action: 'allow', match: `${FROM} && ${match}` };
}

function forbidden(match: string): Acl {
  return { direction: 'from-lport', priority: FORBID_PRIORITY, action: 'drop', match: `${FROM} && ${match}` };
}
