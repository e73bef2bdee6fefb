import type { Server } from './server.ts';

/** Every address with its network; a floating one is marked, since it is the one that answers from outside. */
export function ServerAddresses({ server }: { server: Server }) {
  const networks = Object.entries(server.addresses);
  if (networks.length === 0) return <p className="quiet">It has no address.</p>;
  return (
    <ul className="addresses">
      {networks.flatMap(([network, addresses]) =>
        addresses.map((address) => (
          <li key={address.addr}>
            <code>{address.addr}</code>
            {address['OS-EXT-IPS:type'] === 'floating' ? <span className="tag">floating</span> : null}
            <span className="quiet">
              {network} · {address['OS-EXT-IPS-MAC:mac_addr']}
            </span>
          </li>
        )),
      )}
    </ul>
  );
}
