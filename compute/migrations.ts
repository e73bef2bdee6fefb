/** All that the tables of this service have gone through, in this order. */
import type { Migration } from '../common/database/migrate.ts';
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
