/**
 * A container as Docker is to make it. What a tenant can say is what `ContainerSpec` holds; privileges, host namespaces,
 * devices, mounts, sysctls and security options cannot be expressed, and so cannot be forgotten in a check.
 */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { ContainerCreateOptions, HostConfig, ImageInspectInfo } from 'dockerode';
import { PermanentFailure } from '../../../common/errors.ts';
import type { ContainerSpec } from '../driver.ts';
import { gated, gatePath } from './gate.ts';
import { containerName, digestLabel, idLabel, imageTag, labelPrefix } from './names.ts';
import { checkPorts } from './plug-commands.ts';

/**
 * Docker's default set without MKNOD (there are no devices to make), AUDIT_WRITE (the host's audit log is not a tenant's)
 * and SETFCAP (no-new-privileges makes file capabilities void). NET_RAW stays: busybox's `ping`, which is that of every
 * Alpine image, opens a raw socket and knows no other way; what it may send is decided outside, by OVN's port security.
 */
export const capabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];

/** What the image itself says, as far as a container takes it over. */
export interface ImageDefaults {
  entrypoint: string[];
  command: string[];
  environment: string[];
  workingDirectory: string;
}

export function imageDefaults(image: ImageInspectInfo): ImageDefaults {
  const { Entrypoint, Cmd, Env, WorkingDir } = image.Config;
  const list = (value: string | string[] | null | undefined) => (typeof value === 'string' ? [value] : (value ?? []));
  return {
    entrypoint: list(Entrypoint),
    command: list(Cmd),
    environment: Env ?? [],
    workingDirectory: WorkingDir ?? '',
  };
}

/** What the engine may change on a container that it has; `docker update`. */
export function resources(spec: ContainerSpec) {
  return {
    Memory: spec.memoryMib * 1024 * 1024,
    MemorySwap: spec.memoryMib * 1024 * 1024, // memory and swap together: none of the host's swap
    NanoCpus: Math.round(spec.cpus * 1e9),
    PidsLimit: spec.pidsLimit,
  };
}

/**
 * What only making the container anew can change, and only a rebuild asks for. Ports, names and limits are left out on
 * purpose: a container that is made anew has lost its files.
 */
export function digestOf(spec: ContainerSpec): string {
  const { imageId, command, workingDirectory, interactive, tty } = spec;
  const environment = Object.entries(spec.environment).sort(([a], [b]) => (a < b ? -1 : 1));
  const made = JSON.stringify([imageId, command, environment, workingDirectory, interactive, tty]);
  return createHash('sha256').update(made).digest('hex').slice(0, 32);
}

/**
 * The body of Docker's create call.
 * @param gateFile the host's path of the gate's busybox; used when the container has ports.
 * @throws PermanentFailure for what no retry can make right; the message is for the user.
 */
export function containerConfig(
  spec: ContainerSpec,
  image: ImageDefaults,
  gateFile: string,
): ContainerCreateOptions & { HostConfig: HostConfig & { CgroupnsMode: 'private' } } {
  refuse(spec, image);
  checkPorts(spec.ports);
  const argv = [...image.entrypoint, ...(spec.command ?? image.command)];
  const asked = Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`);
  const gate = spec.ports.length > 0;
  const addresses = spec.ports.flatMap((port) => port.addresses.map(({ address }) => address));
  const dnsServers = [...new Set(spec.ports.flatMap((port) => port.dnsServers))];
  return {
    name: containerName(spec.id),
    Image: imageTag(spec.imageId),
    Hostname: spec.hostname,
    ...(gate
      ? { Entrypoint: gated(argv, merged(image.environment, asked)).slice(0, 5), Cmd: argv }
      : spec.command === null
        ? {}
        : { Cmd: spec.command }),
    Env: asked,
    ...(spec.workingDirectory === null ? {} : { WorkingDir: spec.workingDirectory }),
    Labels: { ...spec.labels, [idLabel]: spec.id, [digestLabel]: digestOf(spec) },
    OpenStdin: spec.interactive,
    Tty: spec.tty,
    Healthcheck: { Test: ['NONE'] }, // nobody reads its outcome, and it would cost an exec every 30 s
    HostConfig: {
      ...resources(spec),
      NetworkMode: 'none',
      Privileged: false,
      CapDrop: ['ALL'],
      CapAdd: capabilities,
      SecurityOpt: ['no-new-privileges:true'], // seccomp, AppArmor and the masked paths of /proc: Docker's own defaults
      IpcMode: 'private',
      CgroupnsMode: 'private',
      OomKillDisable: false,
      Mounts: gate
        ? [
            {
              Type: 'bind',
              Source: gateFile,
              Target: gatePath,
              ReadOnly: true,
              BindOptions: { Propagation: 'rprivate' },
            },
          ]
        : [],
      // An empty list would copy the host's resolv.conf; loopback is what an empty resolv.conf means (resolv.conf(5)).
      Dns: dnsServers.length > 0 ? dnsServers : ['127.0.0.1'],
      DnsSearch: ['.'],
      ExtraHosts: addresses.slice(0, 1).map((address) => `${spec.hostname}:${address}`),
      // Docker turns IPv6 off in a namespace that it gave no IPv6 address; ours come later, and are static.
      Sysctls: addresses.some((address) => address.includes(':'))
        ? {
            'net.ipv6.conf.all.disable_ipv6': '0',
            'net.ipv6.conf.default.disable_ipv6': '0',
            'net.ipv6.conf.default.accept_ra': '0',
          }
        : {},
      Ulimits: [
        // An engine that may not raise its own limit refuses to start what asks for more: 20,000 was seen.
        { Name: 'nofile', Soft: 1024, Hard: 16_384 },
        { Name: 'core', Soft: 0, Hard: 0 }, // a core file would be the host's business
      ],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      RestartPolicy: { Name: 'no' }, // ours restarts it: the plug has to follow each start anyway
    },
  };
}

/** Later entries win, as the engine merges them. */
function merged(image: string[], asked: string[]): string[] {
  const byName = new Map([...image, ...asked].map((entry) => [entry.split('=', 1)[0], entry]));
  return [...byName.values()];
}

function refuse(spec: ContainerSpec, image: ImageDefaults): void {
  const no = (why: string): never => {
    throw new PermanentFailure(`Container ${spec.id} cannot be made: ${why}.`);
  };
  if (image.entrypoint.length + (spec.command ?? image.command).length === 0) {
    no('neither its image nor the request names a command');
  }
  // runc before 1.1.12 leaks a descriptor of the host's file system there (CVE-2024-21626); nobody works in /proc.
  const directory = posix.resolve('/', spec.workingDirectory ?? image.workingDirectory);
  if (directory === '/proc' || directory.startsWith('/proc/')) no('its working directory is below /proc');
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/.test(spec.hostname)) no('its hostname is not one');
  if (!(Number.isInteger(spec.memoryMib) && spec.memoryMib >= 6)) no('it needs at least 6 MiB of memory');
  if (!(spec.cpus >= 0.01)) no('it needs at least 0.01 CPUs');
  if (!(Number.isInteger(spec.pidsLimit) && spec.pidsLimit >= 1)) no('it needs at least one process');
  for (const name of Object.keys(spec.labels)) {
    if (name.startsWith(labelPrefix)) no(`labels beginning with ${labelPrefix} are taken`);
  }
  for (const name of Object.keys(spec.environment)) {
    if (name === '' || name.includes('=')) no('a variable of its environment has no valid name');
  }
  const texts = [
    ...(spec.command ?? []),
    ...Object.entries(spec.environment).flat(),
    ...Object.entries(spec.labels).flat(),
    spec.workingDirectory ?? '',
  ];
  if (texts.some((text) => text.includes('\0'))) no('it has a NUL character in a text');
}
