import { BlockList, isIP, isIPv6 } from 'node:net';

/** Ranges that lead to ourselves or our neighbours, or to nowhere: the special-purpose registries of RFC 6890 and its successors. */
const reserved: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  '64:ff9b::/96', // an IPv4 address behind a translator
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16', // an IPv4 address in a tunnel
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** Tells which addresses a user may have us connect to. */
export interface AddressRule {
  allows(address: string): boolean;
}

/**
 * Every public address, and what the operator lists (`10.0.0.0/8`, `127.0.0.1/32`) although it is not. Throws on a range
 * that does not parse.
 */
export function publicAddresses(alsoAllowed: readonly string[] = []): AddressRule {
  const refused = blockList(reserved);
  const excepted = blockList(alsoAllowed);
  return {
    allows(address) {
      const plain = withoutMapping(address);
      const family = isIP(plain);
      if (family === 0) return false;
      const type = family === 6 ? 'ipv6' : 'ipv4';
      return excepted.check(plain, type) || !refused.check(plain, type);
    },
  };
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits] = range.split('/');
    const family = isIP(network);
    const prefix = Number(bits);
    if (family === 0 || !/^\d{1,3}$/.test(bits ?? '') || prefix > (family === 6 ? 128 : 32))
      throw new Error(`${range} is not a range of addresses such as 10.0.0.0/8.`);
    list.addSubnet(network, prefix, family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** `::ffff:127.0.0.1` is 127.0.0.1 to whoever connects to it, in whichever way it is written. */
function withoutMapping(address: string): string {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  if (!isIPv6(bare)) return bare;
  const canonical = new URL(`http://[${bare}]/`).hostname.slice(1, -1); // ::ffff:7f00:1
  const mapped =
    /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? /^::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!mapped) return canonical;
  const number = (Number.parseInt(mapped[1] as string, 16) * 65536 + Number.parseInt(mapped[2] as string, 16)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}
