/**
 * Microversion negotiation (OpenStack API SIG, "Microversion Specification"): `OpenStack-API-Version: <service> X.Y`, and
 * compute's older header. `latest` is legal; unsupported is 406, unreadable is 400; the answer echoes what was used.
 */
import { BadRequest, CloudError } from '../errors.ts';

export type Version = readonly [major: number, minor: number];

export interface Microversions {
  /** The word in the common header: `compute`, `volume`, `container`. */
  service: string;
  /** An older header of this service's own, if clients still send it. */
  legacyHeader?: string;
  min: Version;
  max: Version;
}

export class NotAcceptable extends CloudError {}

export function negotiate(
  headers: Record<string, unknown>,
  { service, legacyHeader, min, max }: Microversions,
): Version {
  const asked = fromCommonHeader(headers['openstack-api-version'], service) ?? (legacyHeader && headers[legacyHeader]);
  if (typeof asked !== 'string' || asked === '') return min;
  if (asked === 'latest') return max;
  const match = asked.match(/^([1-9]\d{0,3})\.(0|[1-9]\d{0,3})$/);
  if (!match)
    throw new BadRequest(`API Version String ${asked} is of invalid format. Must be of format MajorNum.MinorNum.`);
  const version: Version = [Number(match[1]), Number(match[2])];
  if (isBefore(version, min) || isBefore(max, version))
    throw new NotAcceptable(
      `Version ${asked} is not supported by the API. Minimum is ${format(min)} and maximum is ${format(max)}.`,
    );
  return version;
}

/** The headers that tell what was used, and that caches must tell answers apart by it. */
export function versionHeaders(version: Version, { service, legacyHeader }: Microversions): Record<string, string> {
  const common = { 'openstack-api-version': `${service} ${format(version)}` };
  if (legacyHeader === undefined) return { ...common, vary: 'OpenStack-API-Version' };
  return { ...common, [legacyHeader]: format(version), vary: `OpenStack-API-Version, ${legacyHeader}` };
}

export function format([major, minor]: Version): string {
  return `${major}.${minor}`;
}

/** Whether a behaviour that came with `major.minor` holds. */
export function since(version: Version, major: number, minor: number): boolean {
  return !isBefore(version, [major, minor]);
}

function isBefore(a: Version, b: Version): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

/** One header may carry several services' versions, separated by commas. */
function fromCommonHeader(header: unknown, service: string): string | undefined {
  if (typeof header !== 'string') return undefined;
  for (const part of header.split(',')) {
    const [name, version] = part.trim().split(/\s+/);
    if (name?.toLowerCase() === service) return version ?? '';
  }
  return undefined;
}
