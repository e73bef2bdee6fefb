/** A rule of a security group as the Networking API shows it. Null means any. */
export interface Rule {
  id: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
  remote_group_id: string | null;
}

/** `TCP 80–90`, `ICMP type 8`, `any`. For ICMP the port fields are type and code. */
export function trafficOf({ protocol, port_range_min: min, port_range_max: max }: Rule): string {
  if (protocol === null) return 'any';
  const name = protocol.toUpperCase();
  if (protocol.includes('icmp'))
    return min === null ? name : `${name} type ${min}${max === null ? '' : ` code ${max}`}`;
  if (min === null) return name;
  return min === max ? `${name} ${min}` : `${name} ${min}–${max}`;
}

export interface Choice {
  value: string;
  label: string;
  protocol: string | null;
  ports: boolean;
}

/** What a rule can let through, in the order in which it is usually wanted. */
export const traffic: readonly Choice[] = [
  { value: 'tcp', label: 'TCP', protocol: 'tcp', ports: true },
  { value: 'udp', label: 'UDP', protocol: 'udp', ports: true },
  { value: 'icmp', label: 'ICMP (ping)', protocol: 'icmp', ports: false },
  { value: 'any', label: 'Everything', protocol: null, ports: false },
];

/** `22`, `8000-8010` or nothing for all; undefined when it is none of these. */
export function portRange(text: string): { min: number; max: number } | null | undefined {
  if (text.trim() === '') return null;
  const [, first, second] = /^\s*(\d{1,5})\s*(?:[-–:]\s*(\d{1,5}))?\s*$/.exec(text) ?? [];
  if (first === undefined) return undefined;
  const min = Number(first);
  const max = Number(second ?? first);
  return min >= 1 && max <= 65_535 && min <= max ? { min, max } : undefined;
}
