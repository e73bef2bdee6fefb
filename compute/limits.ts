/** Numbers of this service that a site may want to change one day; each says its unit. */

/** Beside `cores` and `ram`, which servers and containers share. Zun's own default. */
export const containerLimit = 40;

/** What a container gets that asks for nothing: Zun's defaults. */
export const defaultContainer = { cpus: 1, memoryMib: 512 } as const;
/** What one may ask for; memory below that is refused by the engine. */
export const containerBounds = { cpus: { least: 0.01, most: 256 }, memoryMib: { least: 6, most: 1_048_576 } } as const;
/** Processes and threads of one container. */
export const pidsLimit = 1024;
/** How long a container may take to stop when nothing else is said, and the most that can be said. */
export const containerGraceSeconds = { usual: 10, most: 300 } as const;

export const heartbeatSeconds = 5;

/** How long a guest may take to shut down when asked, before its power is cut. */
export const shutdownGraceSeconds = 30;
/** A soft reboot that has not happened after this becomes a hard one. */
export const rebootGraceSeconds = 30;

/** Failures that may pass are tried again for ever, but after so long the user is told by `ERROR`; a later success heals it. */
export const patienceSeconds = 300;

export const availabilityZone = 'nova';

/** Of one server. Slots for so many are in every guest, so that interfaces come and go while it runs. */
export const mostInterfaces = 16;
