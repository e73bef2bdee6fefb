/**
 * Which engines may run tenants' containers. The engine tells its runtime's version itself, and a Debian build also the
 * package's, as its commit: so it is the runtime that it really uses that is judged, not the one that is installed.
 */
import type { DockerVersion } from 'dockerode';

export interface ContainerVersions {
  engine: string;
  /** runc's version; a distribution's package version where it is known. */
  runtime: string;
}

export interface VersionVerdict {
  /** False: containers must not be started. */
  allowed: boolean;
  /** For the operator: what is wrong and what to do; also when it is allowed. */
  problems: string[];
}

export function versionsOf(version: DockerVersion): ContainerVersions {
  const runc = version.Components?.find(({ Name }) => Name === 'runc');
  const commit = String((runc?.Details as { GitCommit?: string } | undefined)?.GitCommit ?? '');
  // A Debian package version looks like one; upstream's is a hash.
  return { engine: version.Version, runtime: /^\d+\.\d+\.\d+\S*-\S+$/.test(commit) ? commit : (runc?.Version ?? '') };
}

/**
 * The gate of every start. CVE-2024-21626 (a leaked descriptor lets an image's working directory escape) is fixed in runc
 * 1.1.12 and in Debian 12's 1.1.5+ds1-1+deb12u1. CVE-2025-31133, -52565 and -52881 (mount races) are fixed in 1.2.8, 1.3.3
 * and 1.4.0-rc.3: before, they are told and not refused, as Debian 12 has no fixed runc; they need mounts or a build of the
 * attacker's own making, and a tenant can express neither.
 */
export function judgeVersions({ engine, runtime }: ContainerVersions): VersionVerdict {
  const problems: string[] = [];
  const numbers = /^(\d+)\.(\d+)\.(\d+)/.exec(runtime)?.slice(1).map(Number);
  if (numbers === undefined) {
    return { allowed: false, problems: [`Docker ${engine} does not tell the version of its runtime: install runc`] };
  }
  const patched = debianRevision(runtime, '1.1.5+ds1-1+deb12u') >= 1;
  const allowed = patched || atLeast(numbers, [1, 1, 12]);
  if (!allowed) problems.push(`runc ${runtime} lets containers escape (CVE-2024-21626): install 1.1.12 or later`);
  const racy = !atLeast(numbers, [1, 2, 8]) || (numbers[0] === 1 && numbers[1] === 3 && numbers[2]! < 3);
  if (racy) {
    problems.push(`runc ${runtime} has mount races (CVE-2025-31133, -52565, -52881): install 1.2.8, 1.3.3 or later`);
  }
  return { allowed, problems };
}

function atLeast(numbers: number[], wanted: number[]): boolean {
  for (const [n, least] of wanted.entries()) {
    if (numbers[n] !== least) return (numbers[n] ?? 0) > least;
  }
  return true;
}

/** The number after a Debian version's known beginning; 0 when it begins otherwise. */
function debianRevision(version: string, beginning: string): number {
  return version.startsWith(beginning) ? Number.parseInt(version.slice(beginning.length), 10) || 0 : 0;
}
