import type { TextFilter } from '../api/listing.ts';
import type { Extra } from '../extra.ts';
import type { Options } from '../options.ts';

export interface User {
  id: string;
  domainId: string;
  name: string;
  description: string | null;
  email: string | null;
  defaultProjectId: string | null;
  enabled: boolean;
  /** Null: never. */
  passwordExpiresAt: Date | null;
  options: Options;
  extra: Extra;
}

/** `lt:2016-11-06T15:32:17Z`, taken apart. */
export interface ExpiryFilter {
  operator: '<' | '<=' | '>' | '>=' | '=' | '<>';
  time: Date;
}

export interface UserFilter {
  name?: string | undefined;
  domainId?: string | undefined;
  enabled?: boolean | undefined;
  texts?: readonly TextFilter[];
  /** Passwords that never expire match none. */
  passwordExpires?: readonly ExpiryFilter[];
  /** Only members of this group, also those that a login elsewhere put there for a while. */
  groupId?: string | undefined;
  /** Who they are at identity providers. */
  federated?: {
    identityProviderId?: string | undefined;
    protocolId?: string | undefined;
    uniqueId?: string | undefined;
  };
}
