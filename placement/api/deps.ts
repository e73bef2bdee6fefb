import type { Knex } from '../../common/database/database.ts';
import type { Allocation } from '../../compute/scheduler/capacity.ts';

export interface PlacementDeps {
  db: Knex;
  /** How much of hosts may be promised, where nothing is said of one. */
  allocation: Allocation;
}
