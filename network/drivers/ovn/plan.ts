/** What the plans of all nouns share: a plan reads the replica and collects what makes one object be as its spec says. */
import type { Northbound } from './columns.ts';
import type { Changes } from './operations.ts';

export type NorthboundChanges = Changes<Northbound>;
