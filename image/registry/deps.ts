import type { Knex } from '../../common/database/database.ts';
import type { SourceAddress } from '../../common/http/source-address.ts';
import type { Logger } from '../../common/logger.ts';
import type { Enforcer } from '../../common/policy/enforcer.ts';
import type { TokenDeps } from '../../identity/tokens/deps.ts';
import type { HasRoom } from '../stores/files/free-space.ts';
import type { Upstream } from './upstream.ts';

/** What every part of the registry may use. */
export interface RegistryDeps {
  db: Knex;
  upstream: Upstream;
  enforcer: Pick<Enforcer, 'allows' | 'authorize'>;
  /** Identity's, for those who log in to get a token of the registry. */
  tokens: TokenDeps;
  sourceOf: SourceAddress;
  /** Where clients find the cloud. */
  publicUrl: string;
  /** Of this cloud, as the catalog names it: limits may be for one. */
  region: string;
  log: Logger;
  /** Where the registry server keeps everything. */
  storageDirectory: string;
  hasRoom: HasRoom;
}
