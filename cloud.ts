/** The whole cloud, put together on one page: from configuration and drivers, listening to nothing until it is started. */
import { join } from 'node:path';
import type { Server } from '@hapi/hapi';
import type { Config } from './common/config/config.ts';
import type { Knex } from './common/database/database.ts';
import { openDatabase } from './common/database/database.ts';
import { type Leadership, seekLeadership } from './common/database/leadership.ts';
import { type Migration, migrate } from './common/database/migrate.ts';
import { listenForNotifications } from './common/database/notifications.ts';
import { createServer } from './common/http/server.ts';
import { sourceAddressFrom } from './common/http/source-address.ts';
import { systemService } from './common/http/system.ts';
import { answersReconciler } from './common/idempotency/answers.ts';
import { createIdempotentAnswers } from './common/idempotency/migration.ts';
import type { Logger } from './common/logger.ts';
import { createMetrics } from './common/metrics.ts';
import type { Module } from './common/module.ts';
import { createEnforcer } from './common/policy/enforcer.ts';
import { policyFileOf } from './common/policy/policy-file.ts';
import { watchPolicyFile } from './common/policy/policy-watch.ts';
import type { Rule } from './common/policy/rules.ts';
import { type Loop, type Reconciler, startLoop } from './common/reconcile/loop.ts';
import { computePolicy } from './compute/api/routes.ts';
import { hostConsoles } from './compute/consoles/host-consoles.ts';
import { consoleModule } from './compute/consoles/plugin.ts';
import { containerHostMethods, containersModule, containersPolicy } from './compute/containers-plugin.ts';
import { fenceOf, strayGuardOf } from './compute/hosts/guard/settings.ts';
import { hostCaches } from './compute/image-cache/host-caches.ts';
import { imageLimits } from './compute/image-cache/limits.ts';
import { vendorDataSettings } from './compute/metadata/vendor-data.ts';
import { computeMigrations } from './compute/migrations.ts';
import { computeModule } from './compute/plugin.ts';
import { type Scheduling, schedulingOf } from './compute/scheduler/scheduling.ts';
import { openBundle } from './dashboard/bundle.ts';
import { consolePages } from './dashboard/console-pages.ts';
import { dashboardModule } from './dashboard/plugin.ts';
import { closeDrivers, type Drivers, openDrivers } from './drivers.ts';
import { ensureOwnServices } from './identity/catalog/own-services.ts';
import { openFederation } from './identity/federation/federation.ts';
import { readFederationFile } from './identity/federation/issuers/settings.ts';
import { checkProjectsFit } from './identity/limits/model.ts';
import { rememberIdentity } from './identity/memory.ts';
import { authenticator, identityMigrations, identityModule, identityPolicy } from './identity/plugin.ts';
import { seal, unseal } from './identity/sealing.ts';
import { limitAttempts } from './identity/security-compliance/attempts.ts';
import { complianceOf } from './identity/security-compliance/compliance.ts';
import type { TokenDeps } from './identity/tokens/deps.ts';
import { ensureKey, readMasterKey, watchKeys } from './identity/tokens/keys.ts';
import { watchRevocations } from './identity/tokens/revocations.ts';
import { rememberVerified } from './identity/tokens/verified.ts';
import { userLimitsOf } from './identity/user-limits.ts';
import { importSettings } from './image/import/settings.ts';
import { imageMigrations, imageModule, imagePolicy } from './image/plugin.ts';
import { createPropertyProtection } from './image/property-protection/protection.ts';
import { watchPropertyProtections } from './image/property-protection/watch.ts';
import { registryStore } from './image/registry/images/store.ts';
import { registryModules, registryPolicy } from './image/registry/plugin.ts';
import { registrySocket, registryStorage } from './image/registry/server-config.ts';
import { openUpstream } from './image/registry/upstream.ts';
import { openFileStore } from './image/stores/files/files.ts';
import { openStores, readStoreCloud, reportMissingStores } from './image/stores/open.ts';
import { readStoresFile } from './image/stores/settings.ts';
import { networkMigrations, networkModule, networkPolicy } from './network/plugin.ts';
import { placementModule, placementPolicy } from './placement/plugin.ts';

export const migrations: Migration[] = [
  createIdempotentAnswers,
  ...identityMigrations,
  ...imageMigrations,
  ...networkMigrations,
  ...computeMigrations,
];

/** Every rule there is, also those that guard an attribute and stand on no route. */
export const rules: Rule[] = [
  identityPolicy,
  imagePolicy,
  registryPolicy,
  networkPolicy,
  computePolicy,
  containersPolicy,
  placementPolicy,
].flatMap((policy) => Object.values<Rule>(policy));

export interface Cloud {
  /** Where it answers, once started. */
  url(): string;
  db: Knex;
  server: Server;
  modules: Module[];
  drivers: Drivers;
  /** What tokens are made and checked with. */
  tokens: TokenDeps;
  /** Does what the configured roles say, until `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Throws what it cannot do without: the database, files of policy and federation that read. Engines may be away; their objects wait for them. */
export async function buildCloud(config: Config, log: Logger, given?: Drivers): Promise<Cloud> {
  const drivers = given ?? (await openDrivers(config, log));
  const protection = createPropertyProtection((ctx, policy) => enforcer.holds(ctx, policy));
  const enforcer = createEnforcer(rules, {}, (name) => protection.policies().includes(name));
  const protectionWatch = await watchPropertyProtections(config, log, protection);
  const policyWatch = await watchPolicyFile({ ...policyFileOf(config), log }, enforcer.replace);
  const federationSettings = await readFederationFile(config);
  const storesSettings = await readStoresFile(config);
  const vendors = await vendorDataSettings(config);
  const compliance = complianceOf(config);
  const sourceOf = sourceAddressFrom(config.trustedProxies);
  const scheduling: Scheduling = {
    ...schedulingOf(config),
    noValidHost: (why) => log.warn(why, 'no valid host'),
  };
  const databaseUrl = config.databaseUrl.reveal();
  const db = openDatabase(databaseUrl);
  await migrate(db, migrations);
  const master = await readMasterKey(join(config.dataDir, 'master.key'));
  await ensureKey(db, master);
  const notifications = listenForNotifications(databaseUrl, log);
  const revocations = await watchRevocations(db, notifications);
  const metrics = createMetrics();
  const publicUrl = config.publicUrl || `http://${config.listenHost}:${config.listenPort}`;
  await checkProjectsFit(db, config.limitModel);
  // Only who answers knows where: an agent on another host has no public URL of its own.
  if (config.roles.has('api')) await ensureOwnServices(db, { publicUrl, region: config.region });
  const tokens = {
    db,
    master,
    keys: await watchKeys(db, master, notifications),
    verified: rememberVerified(),
    revocations,
    tokenSeconds: config.tokenSeconds,
    compliance,
    attempts: limitAttempts({
      perAccount: config.failedLoginsPerAccount,
      perAddress: config.failedLoginsPerAddress,
      passcodesPerUser: config.failedPasscodesPerUser,
    }),
  };

  const memory = rememberIdentity(notifications);
  const registry = openUpstream(config.registry || `unix:${registrySocket(config.dataDir)}`);
  const imageStores = await openStores(storesSettings, await readStoreCloud(db), [
    registryStore({ db, upstream: registry }),
  ]);
  await reportMissingStores(db, imageStores, log);

  const consolesOfHost = hostConsoles(drivers.servers);
  const consoles = {
    tokenSeconds: config.consoleTokenSeconds,
    perServer: config.consolesPerServer,
    perUser: config.consolesPerUser,
  };
  const inspection = { virtualSizeBytes: config.imageMaximumVirtualGib * 2 ** 30 };

  const [fence, endStrayGuard] = [fenceOf(config), strayGuardOf(config)];
  const dashboard = openBundle();
  const modules: Module[] = [
    identityModule({
      ...tokens,
      enforcer,
      memory,
      sourceOf,
      publicUrl,
      limitModel: config.limitModel,
      userLimits: userLimitsOf(config),
      federation: await openFederation(federationSettings, { publicUrl, log }),
    }),
    imageModule({
      db,
      stores: imageStores,
      hostCaches,
      staging: openFileStore(join(config.dataDir, 'staging')),
      imports: importSettings(config),
      conversionDirectory: join(config.dataDir, 'conversions'),
      inspection,
      imageSizeCap: config.imageSizeCap,
      protection,
      enforcer,
      log,
      publicUrl,
      region: config.region,
    }),
    ...registryModules({
      db,
      upstream: registry,
      enforcer,
      tokens,
      sourceOf,
      publicUrl,
      region: config.region,
      log,
      storageDirectory: registryStorage(config.dataDir),
      keepUnreferencedSeconds: config.registryKeepUnreferencedSeconds,
    }),
    networkModule({
      db,
      enforcer,
      driver: drivers.network,
      tenantMtu: config.tenantMtu,
      publicUrl,
      host: { name: config.hostName, metadata: drivers.metadata },
    }),
    computeModule({
      db,
      log,
      enforcer,
      publicUrl,
      region: config.region,
      scheduling,
      tenantMtu: config.tenantMtu,
      reclaimSeconds: config.reclaimServerSeconds,
      shelvedOffloadSeconds: config.shelvedOffloadSeconds,
      consoles,
      forceConfigDrive: config.forceConfigDrive,
      imageProtection: protection,
      master,
      confirmSeconds: config.resizeConfirmSeconds,
      evacuationPolicy: config.evacuationPolicy,
      evacuateAfterSeconds: config.evacuateAfterSeconds,
      host: {
        name: config.hostName,
        driver: drivers.servers,
        metadata: drivers.metadata,
        vendors,
        metadataStaleMs: config.metadataCacheSeconds * 1000,
        imageStores,
        inspection,
        imageSizeCap: config.imageSizeCap,
        imageCacheDirectory: join(config.dataDir, 'compute', 'images'),
        imageLimits: imageLimits(config),
        downAfterSeconds: config.hostDownSeconds,
        resumesOnBoot: config.resumeGuestsOnHostBoot,
        ...(fence && { fence }),
        ...(endStrayGuard && { endStrayGuard }),
        migrationListen: config.migrationListen,
        consoles: consolesOfHost,
        methods: containerHostMethods(drivers.containers),
      },
    }),
    containersModule({
      db,
      log,
      enforcer,
      publicUrl,
      region: config.region,
      scheduling,
      host: {
        name: config.hostName,
        driver: drivers.containers,
        imageStores,
        archiveDirectory: join(config.dataDir, 'compute', 'container-images'),
        imageLimits: imageLimits(config),
      },
    }),
    consoleModule({
      db,
      log,
      notifications,
      publicUrl,
      settings: consoles,
      allowedOrigins: config.consoleAllowedOrigins,
      own: config.roles.has('agent') ? { hostName: config.hostName, consoles: consolesOfHost } : undefined,
      address: () => config.consoleAddress || `ws://${config.listenHost}:${server.info.port}`,
      pages: consolePages(dashboard),
    }),
    placementModule({ db, allocation: scheduling.allocation }),
    dashboardModule(dashboard),
  ];
  checkRules(modules);
  const services = modules.map((module) => module.service);
  const server = createServer({
    services: [...services, systemService({ services, db, metrics, publicUrl })], // last: its prefix is everybody's
    answers: {
      db,
      seal: (text) => seal(text, master, 'answers'),
      unseal: (sealed) => unseal(sealed, master, 'answers'),
    },
    authenticate: authenticator(tokens),
    enforcer,
    log,
    metrics,
    publicUrl,
    host: config.listenHost,
    port: config.listenPort,
  });

  const loops: Loop[] = [];
  const locks: Leadership[] = [];
  const stops: (() => Promise<void>)[] = [];
  const run = (reconcilers: Reconciler[], lockName: string) => {
    if (reconcilers.length === 0) return;
    const lock = seekLeadership(databaseUrl, lockName, log);
    locks.push(lock);
    for (const reconciler of reconcilers) {
      const loop = startLoop(reconciler, { log, metrics, mayRun: lock.held });
      notifications.subscribe(reconciler.name, (id) => loop.wake(id));
      lock.onWon(() => {
        loop.wake();
        void loop.sweep(); // whatever changed while nobody looked, as when the host was off
      });
      loops.push(loop);
    }
  };

  return {
    url: () => (config.listenPort === 0 ? server.info.uri : publicUrl),
    db,
    server,
    modules,
    drivers,
    tokens,
    async start() {
      if (config.roles.has('controller'))
        run([...modules.flatMap((module) => module.controllers), answersReconciler({ db })], 'controllers');
      if (config.roles.has('agent')) {
        run(
          modules.flatMap((module) => module.agents),
          `agent ${config.hostName}`,
        );
        for (const module of modules) if (module.startAgent) stops.push(await module.startAgent());
      }
      if (config.roles.has('api')) await server.start();
    },
    async stop() {
      await Promise.all(services.map(({ sockets }) => sockets?.close()));
      await server.stop({ timeout: 5000 });
      for (const stop of stops) await stop();
      await Promise.all(loops.map((loop) => loop.stop()));
      await Promise.all(locks.map((lock) => lock.stop()));
      await policyWatch.stop();
      await protectionWatch.stop();
      revocations.stop();
      tokens.keys.stop();
      memory.stop();
      await notifications.stop();
      await closeDrivers(drivers);
      registry.close();
      await db.destroy();
    },
  };
}

/** A route whose rule nobody registered would be denied to everybody: better to hear of it at start. */
function checkRules(modules: Module[]): void {
  for (const { service } of modules)
    for (const { rule, path } of service.routes)
      if ('name' in rule && !rules.includes(rule))
        throw new Error(`${service.name} ${path}: rule ${rule.name} is not registered`);
}
