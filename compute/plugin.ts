import type { Knex } from '../common/database/database.ts';
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
import type { ComputeApiDeps } from './api/deps.ts';
import { computeUrl } from './api/links.ts';
import { computeRoutes } from './api/routes.ts';
import { computeMicroversions } from './api/versions.ts';
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
import type { Scheduling } from './scheduler/scheduling.ts';
import { deadHostReconciler } from './servers/dead-hosts.ts';
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
      routes: computeRoutes(api),
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
