import type { Knex } from '../common/database/database.ts';
import type { Migration } from '../common/database/migrate.ts';
import { notify } from '../common/database/notifications.ts';
import { computeDialect } from '../common/http/dialect.ts';
import type { Logger } from '../common/logger.ts';
import type { Module } from '../common/module.ts';
import type { Enforcer } from '../common/policy/enforcer.ts';
import type { Secret } from '../common/secret.ts';
import type { UploadDeps } from '../image/images/uploads.ts';
import type { PropertyProtection } from '../image/property-protection/protection.ts';
import type { ImageStores } from '../image/stores/stores.ts';
import type { MetadataDriver } from '../network/metadata/driver.ts';
import { aggregatePolicy, aggregateRoutes } from './api/aggregates.ts';
import { availabilityZonePolicy, availabilityZoneRoutes } from './api/availability-zones.ts';
import type { ComputeApiDeps } from './api/deps.ts';
import { extensionPolicy, extensionRoutes } from './api/extensions.ts';
import { flavorAccessPolicy, flavorAccessRoutes } from './api/flavor-access.ts';
import { flavorExtraSpecPolicy, flavorExtraSpecRoutes } from './api/flavor-extra-specs.ts';
import { flavorPolicy, flavorRoutes } from './api/flavors.ts';
import { hostPolicy, hostRoutes } from './api/hosts.ts';
import { hypervisorPolicy, hypervisorRoutes } from './api/hypervisors.ts';
import { instanceActionPolicy, instanceActionRoutes } from './api/instance-actions.ts';
import { usageAuditPolicy, usageAuditRoutes } from './api/instance-usage-audit-log.ts';
import { keypairPolicy, keypairRoutes } from './api/keypairs.ts';
import { limitPolicy, limitRoutes } from './api/limits.ts';
import { computeUrl } from './api/links.ts';
import { migrationPolicy, migrationRoutes } from './api/migrations.ts';
import { floatingIpPolicy, floatingIpRoutes } from './api/proxies/floating-ips.ts';
import { imageMetadataRoutes } from './api/proxies/image-metadata.ts';
import { imageProxyRoutes } from './api/proxies/images.ts';
import { networkProxyPolicy, networkProxyRoutes } from './api/proxies/networks.ts';
import { securityGroupRulePolicy, securityGroupRuleRoutes } from './api/proxies/security-group-rules.ts';
import { securityGroupPolicy, securityGroupRoutes } from './api/proxies/security-groups.ts';
import { quotaClassSetPolicy, quotaClassSetRoutes } from './api/quota-class-sets.ts';
import { quotaSetPolicy, quotaSetRoutes } from './api/quota-sets.ts';
import { remoteConsolePolicy, remoteConsoleRoutes } from './api/remote-consoles.ts';
import { serverActionPolicy, serverActionRoutes } from './api/server-actions.ts';
import { serverDiagnosticsPolicy, serverDiagnosticsRoutes } from './api/server-diagnostics.ts';
import { serverExternalEventPolicy, serverExternalEventRoutes } from './api/server-external-events.ts';
import { serverGroupPolicy, serverGroupRoutes } from './api/server-groups.ts';
import { serverInterfacePolicy, serverInterfaceRoutes } from './api/server-interfaces.ts';
import { serverMetadataPolicy, serverMetadataRoutes } from './api/server-metadata.ts';
import { serverMigrationPolicy, serverMigrationRoutes } from './api/server-migrations.ts';
import { serverPasswordPolicy, serverPasswordRoutes } from './api/server-password.ts';
import { serverSecurityGroupPolicy, serverSecurityGroupRoutes } from './api/server-security-groups.ts';
import { serverTagPolicy, serverTagRoutes } from './api/server-tags.ts';
import { serverTopologyPolicy, serverTopologyRoutes } from './api/server-topology.ts';
import { serverPartPolicy, serverPolicy, serverRoutes } from './api/servers.ts';
import { servicePolicy, serviceRoutes } from './api/services.ts';
import { usagePolicy, usageRoutes } from './api/simple-tenant-usage.ts';
import { computeMicroversions, versionRoutes } from './api/versions.ts';
import type { HostConsoles } from './consoles/host-consoles.ts';
import { consoleHostMethods } from './consoles/roads.ts';
import type { ConsoleSettings } from './consoles/tokens.ts';
import type { ServerDriver } from './drivers/driver.ts';
import { type HostMethods, hostCallReconciler } from './hosts/calls.ts';
import type { Fence } from './hosts/guard/fence.ts';
import { heartbeatReconciler } from './hosts/heartbeat.ts';
import { hostLease, underLease, whileLeased } from './hosts/lease.ts';
import { uptimeLine } from './hosts/uptime.ts';
import { hostWatch } from './hosts/watch.ts';
import { diskImages } from './image-cache/disks.ts';
import type { CacheLimits } from './image-cache/limits.ts';
import { metadataService } from './metadata/service.ts';
import type { VendorDataSettings } from './metadata/vendor-data.ts';
import { createCompute } from './migrations/0001-compute.ts';
import { createContainers } from './migrations/0002-containers.ts';
import { createImageCaches } from './migrations/0003-image-cache.ts';
import { addServerStates } from './migrations/0004-server-states.ts';
import { createQuotas } from './migrations/0005-quotas.ts';
import { createServerGroups } from './migrations/0006-server-groups.ts';
import { addFlavorDetails } from './migrations/0007-flavor-details.ts';
import { createAggregates } from './migrations/0008-aggregates.ts';
import { addForcedDown } from './migrations/0009-forced-down.ts';
import { createPastServers } from './migrations/0010-past-servers.ts';
import { addEventHosts } from './migrations/0011-event-hosts.ts';
import { rememberPastFlavors } from './migrations/0011-past-flavors.ts';
import { claimRescueDisks } from './migrations/0012-rescue-claims.ts';
import { createConsoles } from './migrations/0013-consoles.ts';
import { addMetadata } from './migrations/0014-metadata.ts';
import { keepImageProperties } from './migrations/0015-image-properties.ts';
import { addLiveResize } from './migrations/0015-live-resize.ts';
import { addShelving } from './migrations/0015-shelving.ts';
import { keepDeletedServers } from './migrations/0016-deleted-servers.ts';
import { addLocalDisks } from './migrations/0016-local-disks.ts';
import { addPluggedPorts } from './migrations/0016-plugged-ports.ts';
import { createServerMoves } from './migrations/0017-server-moves.ts';
import { countRoomOfHosts } from './migrations/0018-room-of-hosts.ts';
import { letDestinationsDecide } from './migrations/0020-decided-there.ts';
import { keepEvacuated } from './migrations/0021-evacuations.ts';
import { addLeases } from './migrations/0021-leases.ts';
import { tellAgentsFromEngines } from './migrations/0022-signs-of-life.ts';
import { keepWhatWasAskedOfHosts } from './migrations/0024-what-was-asked-of-hosts.ts';
import { countEphemeralDisks } from './migrations/0026-usage-of-ephemeral-disks.ts';
import { rememberRemains } from './migrations/0027-remains.ts';
import type { Scheduling } from './scheduler/scheduling.ts';
import { deadHostReconciler } from './servers/dead-hosts.ts';
import { lockPolicy } from './servers/locks.ts';
import { type Arrivals, arrivals } from './servers/moves/arrivals.ts';
import { type EvacuationDeps, evacuationReconciler } from './servers/moves/evacuations.ts';
import { moveReconciler } from './servers/moves/reconciler.ts';
import { type Listening, listenForMoves } from './servers/moves/road.ts';
import { serverReconciler, specOf } from './servers/reconciler.ts';
import { listUnsettledIds } from './servers/store.ts';
import { pastServerReconciler } from './usage/reconciler.ts';

export interface ComputeModuleDeps {
  db: Knex;
  log: Logger;
  /** Without a slash at its end. */
  publicUrl: string;
  enforcer: Enforcer;
  region: string;
  scheduling: Scheduling;
  /** Bytes that tenant networks carry. */
  tenantMtu: number;
  /** How long deleted servers can be restored, in seconds; 0: not at all. */
  reclaimSeconds: number;
  /** How long shelved servers keep their host, in seconds; 0: not at all, negative: until they are told to go. */
  shelvedOffloadSeconds: number;
  consoles: ConsoleSettings;
  /** Every server gets a config drive, whether it asks for one or not. */
  forceConfigDrive: boolean;
  /** What keys of the roads between hosts are made of. */
  master: Secret;
  /** Whose servers are evacuated without anybody asking. */
  evacuationPolicy: EvacuationDeps['policy'];
  /** After how many seconds of silence hosts that fence themselves lose their servers. */
  evacuateAfterSeconds: number;
  /** Seconds after which resizes are confirmed by themselves; 0: never. */
  confirmSeconds: number;
  /** Who may say what of images. */
  imageProtection: PropertyProtection;
  /** This host's side; used only by processes that run an agent. */
  host: {
    name: string;
    driver: ServerDriver;
    /** How its guests reach the metadata service. */
    metadata: MetadataDriver;
    vendors: VendorDataSettings;
    /** For how long a guest may be told what was true before, in milliseconds. */
    metadataStaleMs: number;
    imageStores: ImageStores;
    /** What images may be, also those that servers become. */
    inspection: UploadDeps['inspection'];
    /** Bytes of the largest image. */
    imageSizeCap: number;
    /** Where the host's copies of images are kept. */
    imageCacheDirectory: string;
    imageLimits: CacheLimits;
    /** Without a sign of life for so long it is down. */
    downAfterSeconds: number;
    /** Whether servers that ran when it ended run again once it is back. */
    resumesOnBoot: boolean;
    /** What ends its servers when its agent has lost its lease; absent: nothing does. */
    fence?: Fence;
    /** Ends a guard that was left here by an agent that had one; tells whether there was one. */
    endStrayGuard?: () => Promise<boolean>;
    /** HOST:PORT where servers of other hosts come in; empty: nowhere. */
    migrationListen: string;
    consoles: HostConsoles;
    /** What else this host can be asked, beside the consoles of servers. */
    methods?: HostMethods;
  };
}

export const computeMigrations: Migration[] = [
  createCompute,
  createContainers,
  createImageCaches,
  addServerStates,
  createQuotas,
  createServerGroups,
  addFlavorDetails,
  createAggregates,
  addForcedDown,
  createPastServers,
  rememberPastFlavors,
  addEventHosts,
  claimRescueDisks,
  addMetadata,
  addShelving,
  keepImageProperties,
  addLiveResize,
  addPluggedPorts,
  createConsoles,
  countRoomOfHosts,
  createServerMoves,
  addLocalDisks, // counts moves, too
  keepDeletedServers,
  keepEvacuated,
  tellAgentsFromEngines,
  keepWhatWasAskedOfHosts,
  countEphemeralDisks,
  letDestinationsDecide,
  addLeases,
  rememberRemains,
];

export const computePolicy = {
  ...flavorPolicy,
  ...flavorAccessPolicy,
  ...flavorExtraSpecPolicy,
  ...keypairPolicy,
  ...serverPolicy,
  ...serverPartPolicy,
  ...serverActionPolicy,
  ...remoteConsolePolicy,
  ...serverMetadataPolicy,
  ...serverPasswordPolicy,
  ...serverTagPolicy,
  ...serverInterfacePolicy,
  ...serverSecurityGroupPolicy,
  ...serverMigrationPolicy,
  ...migrationPolicy,
  ...lockPolicy,
  ...instanceActionPolicy,
  ...serverDiagnosticsPolicy,
  ...serverExternalEventPolicy,
  ...hypervisorPolicy,
  ...servicePolicy,
  ...aggregatePolicy,
  ...availabilityZonePolicy,
  ...serverGroupPolicy,
  ...quotaSetPolicy,
  ...quotaClassSetPolicy,
  ...usagePolicy,
  ...usageAuditPolicy,
  ...limitPolicy,
  ...serverTopologyPolicy,
  ...hostPolicy,
  ...extensionPolicy,
  ...securityGroupPolicy,
  ...securityGroupRulePolicy,
  ...floatingIpPolicy,
  ...networkProxyPolicy,
};

/** Of servers that waited for their engine; any others come with the next polls. */
const mostWoken = 1000;

/** The compute service: Nova's API, and this host's agent for servers. */
export function computeModule(deps: ComputeModuleDeps): Module {
  const { db, log, host, enforcer, region, scheduling } = deps;
  const { driver } = host;
  const agent = agentOf(deps);
  const api: ComputeApiDeps = {
    db,
    enforcer,
    region,
    scheduling,
    tenantMtu: deps.tenantMtu,
    reclaimSeconds: deps.reclaimSeconds,
    shelvedOffloadSeconds: deps.shelvedOffloadSeconds,
    publicUrl: deps.publicUrl,
    consoles: deps.consoles,
    forceConfigDrive: deps.forceConfigDrive,
    imageProtection: deps.imageProtection,
    url: computeUrl(deps.publicUrl),
  };
  return {
    service: {
      name: 'compute',
      type: 'compute',
      prefix: '/compute',
      dialect: computeDialect,
      microversions: computeMicroversions,
      requestIdHeader: 'x-compute-request-id',
      projectInPathAfter: '/v2.1',
      overQuotaStatus: 403,
      routes: [
        ...versionRoutes(api),
        ...flavorRoutes(api),
        ...flavorAccessRoutes(api),
        ...flavorExtraSpecRoutes(api),
        ...keypairRoutes(api),
        ...serverRoutes(api),
        ...serverActionRoutes(api),
        ...remoteConsoleRoutes(api),
        ...serverMetadataRoutes(api),
        ...serverPasswordRoutes(api),
        ...serverTagRoutes(api),
        ...serverInterfaceRoutes(api),
        ...serverSecurityGroupRoutes(api),
        ...serverMigrationRoutes(api),
        ...migrationRoutes(api),
        ...instanceActionRoutes(api),
        ...serverDiagnosticsRoutes(api),
        ...serverExternalEventRoutes(api),
        ...hypervisorRoutes(api),
        ...serviceRoutes(api),
        ...aggregateRoutes(api),
        ...availabilityZoneRoutes(api),
        ...serverGroupRoutes(api),
        ...quotaSetRoutes(api),
        ...quotaClassSetRoutes(api),
        ...usageRoutes(api),
        ...usageAuditRoutes(api),
        ...limitRoutes(api),
        ...serverTopologyRoutes(api),
        ...hostRoutes(api),
        ...extensionRoutes(),
        ...imageProxyRoutes(api),
        ...imageMetadataRoutes(api),
        ...securityGroupRoutes(api),
        ...securityGroupRuleRoutes(api),
        ...floatingIpRoutes(api),
        ...networkProxyRoutes(api),
      ],
    },
    controllers: [
      evacuationReconciler({
        ...{ db, scheduling },
        policy: deps.evacuationPolicy,
        afterSeconds: deps.evacuateAfterSeconds,
      }),
      hostWatch({ db, log, policy: deps.evacuationPolicy, afterSeconds: deps.evacuateAfterSeconds }),
      deadHostReconciler({ db, reclaimSeconds: deps.reclaimSeconds }),
      pastServerReconciler({ db }),
    ],
    agents: agent.reconcilers,
    /** What happens to guests on the host wakes the loop; it would find out by itself, later. */
    async startAgent() {
      host.metadata.serve(metadataService({ db, log, vendors: host.vendors, staleMs: host.metadataStaleMs }));
      const stop = driver.onChange((id) => {
        notify(db, 'servers', id).catch((err) => log.warn({ err, server: id }, 'cannot tell of a change of a guest'));
      });
      const stopListening = await agent.letServersIn();
      return async () => {
        stop();
        await stopListening();
        await agent.release();
      };
    },
  };
}

/** This host's side: what its agent does, and what it does for the agents of hosts that servers come from. */
function agentOf(deps: ComputeModuleDeps) {
  const { db, log, host, reclaimSeconds, shelvedOffloadSeconds, region, master, confirmSeconds } = deps;
  const images: UploadDeps = {
    db,
    log,
    region,
    stores: host.imageStores,
    inspection: host.inspection,
    imageSizeCap: host.imageSizeCap,
  };
  const { name: hostName, downAfterSeconds } = host;
  const lease = hostLease({
    ...{ db, log, hostName, downAfterSeconds },
    driver: host.driver,
    resumesOnBoot: host.resumesOnBoot,
    ...(host.fence && { fence: host.fence }),
    ...(host.endStrayGuard && { endStrayGuard: host.endStrayGuard }),
  });
  const driver = whileLeased(host.driver, lease);
  const { cache, reconciler: imageCacheReconciler } = diskImages({
    db,
    log,
    hostName,
    stores: host.imageStores,
    directory: host.imageCacheDirectory,
    limits: host.imageLimits,
  });
  const methods: HostMethods = {
    ...host.methods,
    ...consoleHostMethods(host.consoles, log),
    uptime: async () => uptimeLine(),
    diagnose: ({ id }) => driver.diagnose(id as string),
    consoleOutput: ({ id, lines }) => driver.consoleOutput(id as string, (lines as number | null) ?? undefined),
  };
  const coming: Arrivals = arrivals({
    db,
    driver,
    cache,
    hostName,
    specOf: (server, signal) => specOf({ db, log, cache, vendors: host.vendors }, server, signal),
  });
  let listening: Listening | undefined;
  return {
    reconcilers: [
      heartbeatReconciler({
        db,
        log,
        driver,
        hostName,
        allocation: deps.scheduling.allocation,
        migrationAddress: () => listening?.address ?? null,
        downAfterSeconds,
        async onEngineBack() {
          for (const id of await listUnsettledIds(db, hostName, mostWoken)) await notify(db, 'servers', id);
        },
      }),
      lease.reconciler,
      underLease(
        serverReconciler({
          db,
          log,
          driver,
          cache,
          hostName,
          reclaimSeconds,
          shelvedOffloadSeconds,
          vendors: host.vendors,
          images,
          master,
        }),
        lease,
      ),
      underLease(moveReconciler({ db, log, driver, cache, hostName, master, arrivals: coming, confirmSeconds }), lease),
      imageCacheReconciler,
      hostCallReconciler({ db, log, hostName, methods }),
    ],
    release: lease.release,
    async letServersIn(): Promise<() => Promise<void>> {
      if (host.migrationListen !== '')
        listening = await listenForMoves(host.migrationListen, master, log, coming.answer);
      return async () => listening?.stop();
    },
  };
}
