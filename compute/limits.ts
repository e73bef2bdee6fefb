/** Numbers of this service that a site may want to change one day; each says its unit. */

/** What one project may have; Nova's own defaults. */
export const quotaLimits = {
  instances: 10,
  cores: 20,
  /** MiB. */
  ram: 51_200,
  key_pairs: 100,
  metadata_items: 128,
} as const;

/** How often a host's share may be promised. CPUs are shared by time; memory and disk that are not there cannot be. */
export const allocationRatios = { vcpus: 16, memory: 1, disk: 1 } as const;

/** Kept for the host itself. */
export const reservedMemoryMib = 512;

export const heartbeatSeconds = 5;
/** A host that has not been heard of for so long is down. */
export const hostDownSeconds = 30;

/** How long a guest may take to shut down when asked, before its power is cut. */
export const shutdownGraceSeconds = 30;
/** A soft reboot that has not happened after this becomes a hard one. */
export const rebootGraceSeconds = 30;

/** Failures that may pass are tried again for ever, but after so long the user is told by `ERROR`; a later success heals it. */
export const patienceSeconds = 300;

export const availabilityZone = 'nova';
