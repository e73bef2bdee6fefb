import { BlockList, isIP } from 'node:net';
import { BadRequest } from '../errors.ts';

/** Where a request came from. */
export type SourceAddress = (request: {
  info: { remoteAddress: string };
  headers: Readonly<Record<string, unknown>>;
}) => string;

/**
 * The socket's other end; where that is one of `trustedProxies` (addresses or networks, separated by commas), whom it says it
 * forwards for in `X-Forwarded-For`. What stands there of others than our proxies is what anybody may write, and is not believed.
 * @throws BadRequest
 */
export function sourceAddressFrom(trustedProxies: string): SourceAddress {
  const trusted = new BlockList();
  for (const entry of trustedProxies.split(',').map((text) => text.trim())) if (entry !== '') trust(trusted, entry);
  const isTrusted = (address: string) => {
    const version = isIP(address);
    return version !== 0 && trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
  return ({ info, headers }) => {
    let address = info.remoteAddress;
    const forwarded = String(headers['x-forwarded-for'] ?? '').split(',');
    while (isTrusted(address)) {
      const before = forwarded.pop()?.trim() ?? '';
      if (isIP(before) === 0) break;
      address = before;
    }
    return address;
  };
}

function trust(list: BlockList, entry: string): void {
  const [address = '', length, ...more] = entry.split('/');
  const version = isIP(address);
  const most = version === 6 ? 128 : 32;
  const bits = length === undefined ? most : Number(length);
  if (version === 0 || more.length > 0 || !Number.isInteger(bits) || bits < 0 || bits > most || length === '')
    throw new BadRequest(`Setting trustedProxies: ${entry} is neither an address nor a network such as 10.0.0.0/8.`);
  list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
}
