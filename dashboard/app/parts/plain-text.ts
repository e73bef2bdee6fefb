import { withoutControls } from '../../../common/terminal-text.ts';

/** Characters that make text look like other text. */
const directions = /[\u202a-\u202e\u2066-\u2069]/g;

/** What a guest printed, as a person reads it: without what would have steered a terminal. */
export function plainText(printed: string): string {
  return withoutControls(printed).replace(directions, '');
}
