/** A floating IP as the Networking API shows it; only what this dashboard reads. */
export interface FloatingIp {
  id: string;
  status: string;
  floating_ip_address: string;
  fixed_ip_address: string | null;
  floating_network_id: string;
  port_id: string | null;
}

/** The addresses of the outside that lead to a port. The Containers API, unlike Compute, does not show them. */
export function floatingOf(floatingIps: readonly FloatingIp[], portId: string): string[] {
  return floatingIps.filter(({ port_id }) => port_id === portId).map((item) => item.floating_ip_address);
}
