/**
 * The functions of libvirt that we use, declared for koffi. Nothing here decides anything. Names and numbers are those of
 * libvirt's own headers (libvirt-host.h, libvirt-domain.h, libvirt-event.h, virterror.h).
 *
 * A call that talks to the daemon is made with `.async`, which runs it on a thread of Node's pool; the few that only read
 * memory (`virDomainGetUUIDString`, the frees, `virConnCopyLastError`) are made directly.
 */
import { promisify } from 'node:util';
import koffi, { type LibraryHandle } from 'koffi';
import type { MigrationProgress } from '../driver.ts';

/** An address inside libvirt: a connection, a domain, a string to free. */
export type Pointer = bigint;

export const domainState = { paused: 3, shutoff: 5, crashed: 6, pmSuspended: 7 } as const;
export const shutoffReason = { unknown: 0, shutdown: 1, crashed: 3, saved: 5 } as const;
const startPaused = 1;
export const domainJob = { none: 0, completed: 3 } as const;
const completedJob = 1;
/** LIVE, PEER2PEER, PERSIST_DEST, NON_SHARED_INC, ABORT_ON_ERROR, AUTO_CONVERGE. The source's definition stays, shut off: it tells that the guest has gone. */
const migrateFlags = 1 | 2 | 8 | 128 | 4096 | 8192;
const reuseTarget = 1;
const withoutPassword = 1;
export const domainEvent = { lifecycle: 0, reboot: 1 } as const;
export const shutdownFlag = { acpiPowerButton: 1 } as const;
/** Everything that libvirt may hold of a domain, so that nothing keeps it from being undefined: managed save, snapshots, NVRAM, checkpoints. */
export const undefineEverything = 1 | 2 | 4 | 16;
export const metadataKind = { element: 2 } as const;
export const affect = { current: 0, live: 1 } as const;
const statsOfState = 1;
/** Balloon, virtual CPUs, interfaces, block devices. */
const statsOfDevices = 4 | 8 | 16 | 32;
const typeOfText = 7;
const statsWithoutWaiting = 1 << 29;

export interface NativeError {
  code: number;
  message: string;
}

type Asynchronous = (...args: unknown[]) => Promise<unknown>;

let loaded: ReturnType<typeof declare> | undefined;

/** Loads libvirt once for this process. Throws what the dynamic loader says when the library is not installed. */
export function libvirt(): ReturnType<typeof declare> {
  loaded ??= declare(koffi.load('libvirt.so.0'));
  return loaded;
}

function declare(library: LibraryHandle) {
  const errorStruct = koffi.struct({
    code: 'int',
    domain: 'int',
    message: 'void *',
    level: 'int',
    connection: 'void *',
    guest: 'void *',
    text1: 'void *',
    text2: 'void *',
    text3: 'void *',
    number1: 'int',
    number2: 'int',
    network: 'void *',
  });
  const typedParameter = koffi.struct({ field: koffi.array('char', 80, 'String'), type: 'int', value: 'int64_t' });
  const statsRecord = koffi.struct({ domain: 'void *', parameters: 'void *', count: 'int' });
  const blocking = (declaration: string): Asynchronous => promisify(library.func(declaration).async) as Asynchronous;
  const direct = (declaration: string) => library.func(declaration);

  const freeStats = direct('void virDomainStatsRecordListFree(void *records)');
  const allStats = blocking(
    'int virConnectGetAllDomainStats(void *connection, unsigned int stats, _Out_ void **records, unsigned int flags)',
  );
  const listStats = blocking(
    'int virDomainListGetStats(void **domains, unsigned int stats, _Out_ void **records, unsigned int flags)',
  );
  const setUserPassword = blocking(
    'int virDomainSetUserPassword(void *domain, const char *user, const char *password, unsigned int flags)',
  );
  const agentTimeout = blocking('int virDomainAgentSetResponseTimeout(void *domain, int seconds, unsigned int flags)');
  const freeze = blocking(
    'int virDomainFSFreeze(void *domain, void *mountpoints, unsigned int count, unsigned int flags)',
  );
  const thaw = blocking('int virDomainFSThaw(void *domain, void *mountpoints, unsigned int count, unsigned int flags)');
  const injectNmi = blocking('int virDomainInjectNMI(void *domain, unsigned int flags)');
  const uuidString = direct('int virDomainGetUUIDString(void *domain, _Out_ void *text)');
  const copyLastError = direct('int virConnCopyLastError(void *connection, void *error)');
  const resetError = direct('void virResetError(void *error)');
  const release = direct('void free(void *memory)');
  const state = blocking(
    'int virDomainGetState(void *domain, _Out_ int *state, _Out_ int *reason, unsigned int flags)',
  );
  const create = blocking('int virDomainCreateWithFlags(void *domain, unsigned int flags)');
  const managedSave = blocking('int virDomainManagedSave(void *domain, unsigned int flags)');
  const hasManagedSave = blocking('int virDomainHasManagedSaveImage(void *domain, unsigned int flags)');
  const removeManagedSave = blocking('int virDomainManagedSaveRemove(void *domain, unsigned int flags)');
  const jobStats = blocking(
    'int virDomainGetJobStats(void *domain, _Out_ int *type, _Out_ void **parameters, _Out_ int *count, unsigned int flags)',
  );
  const freeParameters = direct('void virTypedParamsFree(void *parameters, int count)');
  const addString = direct(
    'int virTypedParamsAddString(_Inout_ void **parameters, _Inout_ int *count, _Inout_ int *room, const char *name, const char *value)',
  );
  const migrateTo = blocking(
    'int virDomainMigrateToURI3(void *domain, const char *destination, void *parameters, unsigned int count, unsigned int flags)',
  );
  const backupBegin = blocking(
    'int virDomainBackupBegin(void *domain, const char *backup, const char *checkpoint, unsigned int flags)',
  );
  const openGraphics = blocking('int virDomainOpenGraphicsFD(void *domain, unsigned int index, unsigned int flags)');
  const version = blocking('int virConnectGetVersion(void *connection, _Out_ unsigned long *version)');
  const registerAny = blocking(
    'int virConnectDomainEventRegisterAny(void *connection, void *domain, int event, void *callback, void *opaque, void *free)',
  );
  const domainName = direct('const char *virDomainGetName(void *domain)') as (domain: Pointer) => string;
  const noteError = koffi.proto('void CirrostackNoteError(void *opaque, void *error)');
  const lifecycle = koffi.proto(
    'int CirrostackLifecycle(void *connection, void *domain, int event, int detail, void *opaque)',
  );
  const rebooted = koffi.proto('void CirrostackRebooted(void *connection, void *domain, void *opaque)');
  const closed = koffi.proto('void CirrostackClosed(void *connection, int reason, void *opaque)');
  const timer = koffi.proto('void CirrostackTimer(int timer, void *opaque)');

  /** The text of a call that returns memory for us to free; null when it failed. */
  const text =
    (call: Asynchronous) =>
    async (...args: unknown[]) => {
      const pointer = (await call(...args)) as Pointer | null;
      if (pointer === null) return null;
      const value = koffi.decode.string(pointer);
      release(pointer);
      return value;
    };
  const readError = (error: { code: number; message: Pointer | null }): NativeError => ({
    code: error.code,
    message: error.message === null ? '' : koffi.decode.string(error.message),
  });

  return {
    registerEventLoop: direct('int virEventRegisterDefaultImpl()') as () => number,
    runEventLoopOnce: blocking('int virEventRunDefaultImpl()'),
    /** `milliseconds` -1: sleeps until woken. */
    addTimer: (callback: () => void): number =>
      direct('int virEventAddTimeout(int ms, void *callback, void *opaque, void *free)')(
        -1,
        koffi.register(callback, koffi.pointer(timer)),
        null,
        null,
      ),
    setTimer: direct('void virEventUpdateTimeout(int timer, int ms)') as (timer: number, milliseconds: number) => void,
    /** Every error of every thread; also keeps libvirt from printing them on our standard error. */
    onError(listener: (error: NativeError) => void): void {
      const callback = (_opaque: unknown, error: Pointer) => listener(readError(koffi.decode(error, errorStruct)));
      const setErrorFunction = direct('void virSetErrorFunc(void *opaque, void *callback)');
      setErrorFunction(null, koffi.register(callback, koffi.pointer(noteError)));
    },

    open: blocking('void *virConnectOpen(const char *uri)') as (uri: string) => Promise<Pointer | null>,
    close: blocking('int virConnectClose(void *connection)') as (connection: Pointer) => Promise<number>,
    isAlive: blocking('int virConnectIsAlive(void *connection)'),
    setKeepAlive: blocking('int virConnectSetKeepAlive(void *connection, int interval, unsigned int count)'),
    /** The error of the last failed call on this connection; exact as long as it is used by one call at a time. */
    lastError(connection: Pointer): NativeError {
      const memory = koffi.alloc(errorStruct, 1);
      try {
        if (copyLastError(connection, memory) <= 0) return { code: 0, message: 'no error was recorded' };
        const error = readError(koffi.decode(memory, errorStruct));
        resetError(memory);
        return error;
      } finally {
        koffi.free(memory);
      }
    },
    version: async (connection: Pointer): Promise<number> => {
      const out = [0];
      return (await version(connection, out)) === 0 ? Number(out[0]) : -1;
    },
    capabilities: text(blocking('void *virConnectGetCapabilities(void *connection)')),

    /** Returns the id to deregister with, or -1. The callback runs while libvirt's event thread waits: it must be short. */
    onDomainEvent: async (connection: Pointer, event: number, callback: Pointer): Promise<number> =>
      (await registerAny(connection, null, event, callback, null, null)) as number,
    offDomainEvent: blocking('int virConnectDomainEventDeregisterAny(void *connection, int callback)'),
    lifecycleCallback: (listener: (uuid: string | undefined) => void): Pointer =>
      koffi.register((_connection: unknown, domain: Pointer) => {
        listener(uuidOf(domain));
        return 0;
      }, koffi.pointer(lifecycle)),
    rebootCallback: (listener: (uuid: string | undefined) => void): Pointer =>
      koffi.register((_connection: unknown, domain: Pointer) => listener(uuidOf(domain)), koffi.pointer(rebooted)),
    onClosed: blocking(
      'int virConnectRegisterCloseCallback(void *connection, void *callback, void *opaque, void *free)',
    ),
    offClosed: blocking('int virConnectUnregisterCloseCallback(void *connection, void *callback)'),
    closedCallback: (listener: () => void): Pointer => koffi.register(listener, koffi.pointer(closed)),
    forgetCallback: (callback: Pointer): void => koffi.unregister(callback),

    findDomain: blocking('void *virDomainLookupByUUIDString(void *connection, const char *uuid)') as (
      connection: Pointer,
      uuid: string,
    ) => Promise<Pointer | null>,
    defineDomain: blocking('void *virDomainDefineXML(void *connection, const char *xml)') as (
      connection: Pointer,
      xml: string,
    ) => Promise<Pointer | null>,
    freeDomain: direct('int virDomainFree(void *domain)') as (domain: Pointer) => number,
    domainName,
    domainMetadata: text(
      blocking('void *virDomainGetMetadata(void *domain, int type, const char *uri, unsigned int flags)'),
    ),
    /** As it is now: of a running domain with what was plugged since it was started. */
    domainXml: text(blocking('void *virDomainGetXMLDesc(void *domain, unsigned int flags)')),
    updateDevice: blocking('int virDomainUpdateDeviceFlags(void *domain, const char *xml, unsigned int flags)'),
    setVcpus: blocking('int virDomainSetVcpusFlags(void *domain, unsigned int count, unsigned int flags)'),
    attachDevice: blocking('int virDomainAttachDeviceFlags(void *domain, const char *xml, unsigned int flags)'),
    /** Asks the guest to let go of the device, and waits for nothing. */
    detachDeviceAlias: blocking('int virDomainDetachDeviceAlias(void *domain, const char *alias, unsigned int flags)'),
    domainState: async (domain: Pointer): Promise<{ state: number; reason: number } | null> => {
      const [stateOut, reasonOut] = [[0], [0]];
      if ((await state(domain, stateOut, reasonOut, 0)) !== 0) return null;
      return { state: stateOut[0]!, reason: reasonOut[0]! };
    },
    isActive: blocking('int virDomainIsActive(void *domain)'),
    isPersistent: blocking('int virDomainIsPersistent(void *domain)'),
    start: blocking('int virDomainCreate(void *domain)'),
    startPaused: (domain: Pointer): Promise<unknown> => create(domain, startPaused),
    pause: blocking('int virDomainSuspend(void *domain)'),
    resume: blocking('int virDomainResume(void *domain)'),
    /** Writes its memory to disk and ends it; the next start goes on from there. */
    managedSave: (domain: Pointer): Promise<unknown> => managedSave(domain, 0),
    hasManagedSave: (domain: Pointer): Promise<unknown> => hasManagedSave(domain, 0),
    removeManagedSave: (domain: Pointer): Promise<unknown> => removeManagedSave(domain, 0),
    shutdown: blocking('int virDomainShutdownFlags(void *domain, unsigned int flags)'),
    /** Copies disks as they are now, in the background; the targets were made before. */
    beginBackup: (domain: Pointer, xml: string): Promise<unknown> => backupBegin(domain, xml, null, reuseTarget),
    abortJob: blocking('int virDomainAbortJob(void *domain)'),
    /** Whether a long job is under way, and how the last one ended, which is told once; null when it failed. */
    async job(domain: Pointer): Promise<{ isUnderWay: boolean; lastEnded: number } | null> {
      const typeOf = async (flags: number): Promise<number | null> => {
        const [type, parameters, count]: [number[], (Pointer | null)[], number[]] = [[0], [null], [0]];
        if ((await jobStats(domain, type, parameters, count, flags)) !== 0) return null;
        if (parameters[0] != null) freeParameters(parameters[0], count[0]);
        return type[0] as number;
      };
      const now = await typeOf(0);
      if (now === null) return null;
      if (now !== domainJob.none) return { isUnderWay: true, lastEnded: domainJob.none };
      const lastEnded = await typeOf(completedJob);
      return lastEnded === null ? null : { isUnderWay: false, lastEnded };
    },
    /** A socket to the first display, which asks for no password; the descriptor is the caller's to close. */
    openGraphics: async (domain: Pointer): Promise<number> =>
      (await openGraphics(domain, 0, withoutPassword)) as number,
    /** Returns when the guest runs on the other host; its libvirtd is at `destination`. */
    async migrate(domain: Pointer, destination: string, settings: Record<string, string>): Promise<unknown> {
      const [parameters, count, room]: [(Pointer | null)[], number[], number[]] = [[null], [0], [0]];
      for (const [name, value] of Object.entries(settings))
        if (addString(parameters, count, room, name, value) !== 0) return -1;
      try {
        return await migrateTo(domain, destination, parameters[0], count[0], migrateFlags);
      } finally {
        if (parameters[0] != null) freeParameters(parameters[0], count[0]);
      }
    },
    /** Of what is under way; undefined when nothing is, or nothing is known of it. */
    async migrationProgress(domain: Pointer): Promise<MigrationProgress | undefined> {
      const [type, parameters, count]: [number[], (Pointer | null)[], number[]] = [[0], [null], [0]];
      if ((await jobStats(domain, type, parameters, count, 0)) !== 0 || parameters[0] == null) return undefined;
      try {
        const values = new Map<string, number>(
          koffi
            .decode(parameters[0], typedParameter, count[0] as number)
            .map((one: { field: string; value: number | bigint }) => [one.field, Number(one.value)]),
        );
        const of = (name: string) => values.get(name) ?? 0;
        return {
          memoryTotal: of('memory_total'),
          memoryProcessed: of('memory_processed'),
          memoryRemaining: of('memory_remaining'),
          diskTotal: of('disk_total'),
          diskProcessed: of('disk_processed'),
          diskRemaining: of('disk_remaining'),
        };
      } finally {
        freeParameters(parameters[0], count[0]);
      }
    },
    reboot: blocking('int virDomainReboot(void *domain, unsigned int flags)'),
    reset: blocking('int virDomainReset(void *domain, unsigned int flags)'),
    destroy: blocking('int virDomainDestroy(void *domain)'),
    undefine: blocking('int virDomainUndefineFlags(void *domain, unsigned int flags)'),

    /** How long its agent may take to answer; without that, one that says nothing keeps a connection for ever. */
    setAgentTimeout: (domain: Pointer, seconds: number): Promise<unknown> => agentTimeout(domain, seconds, 0),
    setUserPassword: (domain: Pointer, user: string, password: string): Promise<unknown> =>
      setUserPassword(domain, user, password, 0),
    /** Has the guest write everything and hold its file systems still; gives how many. */
    freeze: (domain: Pointer): Promise<unknown> => freeze(domain, null, 0, 0),
    thaw: (domain: Pointer): Promise<unknown> => thaw(domain, null, 0, 0),
    injectNmi: (domain: Pointer): Promise<unknown> => injectNmi(domain, 0),

    /** What one domain has used, under libvirt's own names (virConnectGetAllDomainStats); null when it failed. */
    async deviceStats(domain: Pointer): Promise<Map<string, number | string> | null> {
      const out: (Pointer | null)[] = [null];
      const count = (await listStats([domain, null], statsOfDevices, out, 0)) as number;
      const records = out[0] ?? null;
      if (count < 0 || records === null) return count < 0 ? null : new Map();
      try {
        const [pointer] = koffi.decode(records, 'void *', count) as Pointer[];
        const record = koffi.decode(pointer as Pointer, statsRecord);
        const parameters = record.count === 0 ? [] : koffi.decode(record.parameters, typedParameter, record.count);
        return new Map(parameters.map(readParameter));
      } finally {
        freeStats(records);
      }
    },

    /** State of every domain in one round trip, never waiting for one that is busy; null when it failed. */
    async listStates(connection: Pointer): Promise<ListedDomain[] | null> {
      const out: (Pointer | null)[] = [null];
      const count = (await allStats(connection, statsOfState, out, statsWithoutWaiting)) as number;
      const records = out[0] ?? null;
      if (count < 0 || records === null) return count < 0 ? null : [];
      try {
        return (koffi.decode(records, 'void *', count) as Pointer[]).map((pointer) => {
          const record = koffi.decode(pointer, statsRecord);
          const values = new Map<string, number>(
            record.count === 0
              ? []
              : koffi
                  .decode(record.parameters, typedParameter, record.count)
                  .map((one: { field: string; value: number | bigint }) => [
                    one.field,
                    Number(BigInt(one.value) & 0xffffffffn),
                  ]),
          );
          return {
            uuid: uuidOf(record.domain) ?? '',
            name: domainName(record.domain),
            state: values.get('state.state') ?? 0,
            reason: values.get('state.reason') ?? 0,
          };
        });
      } finally {
        freeStats(records);
      }
    },
  };

  function readParameter({ field, type, value }: TypedParameter): [string, number | string] {
    const bits = BigInt.asUintN(64, BigInt(value));
    return [field, type === typeOfText ? koffi.decode.string(bits) : Number(bits)];
  }

  function uuidOf(domain: Pointer): string | undefined {
    const buffer = Buffer.alloc(37);
    return uuidString(domain, buffer) === 0 ? buffer.toString('latin1', 0, 36) : undefined;
  }
}

interface TypedParameter {
  field: string;
  type: number;
  value: number | bigint;
}

export interface ListedDomain {
  uuid: string;
  name: string;
  state: number;
  reason: number;
}
