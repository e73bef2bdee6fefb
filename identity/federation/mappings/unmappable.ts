import { Unauthorized } from '../../../common/errors.ts';

/**
 * The identity provider vouches for somebody whom the mapping makes nobody of. They have proven who they are, so they are
 * told why: it is what they must ask their administrator about.
 */
export class Unmappable extends Unauthorized {
  constructor(reason: string, options?: ErrorOptions) {
    super(`The identity provider knows you, but its mapping gives you no identity here: ${reason}.`, options);
  }
}
