import type { TextFilter } from '../api/listing.ts';
import type { Extra } from '../extra.ts';

export interface Group {
  id: string;
  domainId: string;
  name: string;
  description: string;
  extra: Extra;
}

/** A group as one of its members has it. */
export interface Membership extends Group {
  /** When a membership by a login elsewhere ends; null for one that stays. */
  expiresAt: Date | null;
}

export interface GroupFilter {
  domainId?: string | undefined;
  texts?: readonly TextFilter[];
}
