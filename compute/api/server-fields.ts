/** What bodies that make or change servers share beyond their schemas. */
import { isIP, SocketAddress } from 'node:net';
import { BadRequest } from '../../common/errors.ts';
import { format, since, type Version } from '../../common/http/microversion.ts';

/** Fields that a later microversion brings are unknown before it. */
export function refuseBefore(version: Version, body: object, fields: Readonly<Record<string, Version>>): void {
  for (const [field, from] of Object.entries(fields))
    if (field in body && !since(version, ...from))
      throw new BadRequest(
        `Invalid input for field/attribute ${field}: it is unexpected before microversion ${format(from)}.`,
      );
}

/** Base64 of any bytes. Throws `BadRequest`. */
export function userData(asked: string | null): string | null {
  if (asked === null || asked === '') return null;
  return checkedBase64(asked, 'Userdata content cannot be decoded');
}

export interface InjectedFile {
  path: string;
  /** Base64. */
  contents: string;
}

/** Throws `BadRequest` for what is not base64. How many they may be, and how large, the project's quota says. */
export function personality(asked: readonly InjectedFile[]): InjectedFile[] {
  for (const { path, contents } of asked) checkedBase64(contents, `Personality content for ${path} cannot be decoded`);
  return [...asked];
}

function checkedBase64(asked: string, undecodable: string): string {
  const again = Buffer.from(asked, 'base64').toString('base64');
  if (again.replace(/=+$/, '') !== asked.replace(/\s/g, '').replace(/=+$/, '')) throw new BadRequest(undecodable);
  return asked;
}

/** In its canonical form (RFC 5952), as Nova shows it. A zone (`fe80::1%eth0`) means something on one machine only. */
export function accessAddress(asked: string | undefined, family: 4 | 6): string | undefined {
  if (asked === undefined || asked === '') return asked;
  if (isIP(asked) === family && !asked.includes('%'))
    return new SocketAddress({ address: asked, family: `ipv${family}` }).address;
  throw new BadRequest(`Invalid input for field/attribute accessIPv${family}. Value: ${asked}.`);
}

/** An address of either family. Throws `BadRequest` that names the field. */
export function checkedAddress(asked: string, field: string): string {
  if (isIP(asked) !== 0 && !asked.includes('%')) return asked;
  throw new BadRequest(`Invalid input for field/attribute ${field}. Value: ${asked} is no address.`);
}

/** Without dots before 2.94, where a fully qualified one became possible. */
export function checkHostname(version: Version, hostname: string | undefined): string | undefined {
  if (hostname === undefined) return undefined;
  const longest = since(version, 2, 94) ? 255 : 63;
  const isFine = since(version, 2, 94) ? /^[a-zA-Z0-9-.]*$/ : /^[a-zA-Z0-9-]*$/;
  if (hostname.length <= longest && isFine.test(hostname) && !/^-|-$/.test(hostname)) return hostname;
  throw new BadRequest(`Invalid input for field/attribute hostname. Value: ${hostname}.`);
}
