/** One of everything there is, made by one project: what the matrix tries to reach from outside. */
import { randomBytes, randomUUID } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { makeExternal } from '../../network/testing/topology.ts';
import type { Client, TestCloud } from '../cloud.ts';
import { type Persona, personas } from '../personas.ts';
import { makeComputeThings } from './things/compute.ts';
import { makeContainerThings } from './things/container.ts';
import { makeFederationThings } from './things/federation.ts';
import { makeIdentityThings } from './things/identity.ts';
import { catalogCommon, makeCatalogCommons, makeCatalogThings } from './things/identity-catalog.ts';
import { makeDelegationThings } from './things/identity-delegation.ts';
import { makeImageThings } from './things/image.ts';
import { makeMetadefThings } from './things/image-metadefs.ts';
import { makeNetworkThings } from './things/network.ts';
import { makeOauth1Things } from './things/oauth1.ts';
import { makeRegistryThings } from './things/registry.ts';

/** What belongs to nobody in particular: it is the same for everybody, so it tells nothing about anybody. */
export const common = {
  domain: 'every user is in some domain, and its id is in their own token',
  externalNetwork: 'routers and floating IPs of every project are on it',
  externalSubnet: 'its subnet',
  flavor: 'public flavors are for every project',
  commonRole: 'the role member is everybody’s',
  commonTrustee: 'whoever makes a trust was told its trustee’s id',
  host: 'hosts are the operator’s, and only administrators see them',
  hypervisor: 'likewise',
  ...catalogCommon,
} as const;

/** Whoever sends one has it already: what it opens is theirs. */
export const secrets = ['password', 'token', 'signature', 'consoleToken'] as const;

type Common = keyof typeof common;

/** The ids (or names, where those stand in paths) of one project’s things, and what is common. `spare…` is to be deleted. */
export type Things = Record<Common, string> &
  Made<typeof makeIdentityThings> &
  Made<typeof makeCatalogThings> &
  Made<typeof makeFederationThings> &
  Made<typeof makeOauth1Things> &
  Made<typeof makeDelegationThings> &
  Made<typeof makeImageThings> &
  Made<typeof makeMetadefThings> &
  Made<typeof makeRegistryThings> &
  Made<typeof makeNetworkThings> &
  Made<typeof makeComputeThings> &
  Made<typeof makeContainerThings>;
type Made<F extends (...given: never[]) => Promise<unknown>> = Awaited<ReturnType<F>>;
export type Thing = keyof Things;

export const isCommon = (thing: Thing): boolean => Object.hasOwn(common, thing);
export const isSecret = (thing: Thing): boolean => (secrets as readonly string[]).includes(thing);

export interface Making {
  cloud: TestCloud;
  admin: Client;
  owner: Client;
  /** In every name, so that it is seen where it should not be. */
  mark: string;
}

/** Makes everything as `persona`, and as the administrator what only they can make. The cloud has settled afterwards. */
export async function makeThings(cloud: TestCloud, persona: Persona, commons: Record<Common, string>): Promise<Things> {
  const making: Making = { cloud, admin: cloud.as('admin'), owner: cloud.as(persona), mark: `belongs-to-${persona}` };
  const identity = await makeIdentityThings(making, personas[persona].password);
  const federation = await makeFederationThings(making);
  const catalog = await makeCatalogThings(making, commons);
  const oauth1 = await makeOauth1Things(making, commons);
  const delegation = await makeDelegationThings(making, commons);
  const image = await makeImageThings(making, identity);
  const metadefs = await makeMetadefThings(making);
  const registry = await makeRegistryThings(making);
  const network = await makeNetworkThings(making, commons);
  const compute = await makeComputeThings(making, { ...commons, ...identity, ...image, ...network });
  const container = await makeContainerThings(making, { ...image, ...network });
  return {
    ...commons,
    ...identity,
    ...oauth1,
    ...delegation,
    ...catalog,
    ...federation,
    ...image,
    ...metadefs,
    ...registry,
    ...network,
    ...compute,
    ...container,
  };
}

/** Things of the same form that do not exist. */
export function absentThings(like: Things): Things {
  const entries = Object.entries(like).map(([thing, value]) => [
    thing,
    isCommon(thing as Thing) ? value : absent(value),
  ]);
  return Object.fromEntries(entries) as Things;
}

function absent(value: string): string {
  if (/^req-/.test(value)) return `req-${randomUUID()}`;
  if (/^[0-9a-f]{8}-/.test(value)) return randomUUID();
  if (isIPv4(value)) return '203.0.113.1';
  if (/^[0-9a-f]{32}$/.test(value)) return randomBytes(16).toString('hex');
  return `absent-${randomBytes(6).toString('hex')}`;
}

/** What stands in the cloud before anybody has made anything. */
export async function makeCommons(cloud: TestCloud): Promise<Record<Common, string>> {
  await cloud.settle(); // the host reports
  const admin = cloud.as('admin');
  const { network, subnet } = await makeExternal(cloud, { start: '172.24.4.100', end: '172.24.4.199' });
  const flavor = { id: 'tiny', name: 'tiny', ram: 64, vcpus: 1, disk: 1 };
  await admin.post('/compute/v2.1/flavors', { flavor }, 200);
  const { roles } = await admin.get('/identity/v3/roles?name=member');
  const { hypervisors } = await admin.get('/compute/v2.1/os-hypervisors');
  return {
    domain: 'default',
    externalNetwork: network.id,
    commonRole: roles[0].id,
    externalSubnet: subnet.id,
    flavor: flavor.id,
    commonTrustee: cloud.as('nobody').userId,
    host: cloud.config.hostName,
    hypervisor: String(hypervisors[0].id),
    ...(await makeCatalogCommons(admin, cloud.config.region)),
  };
}
