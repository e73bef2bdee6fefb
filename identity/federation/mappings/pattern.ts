import { RE2JS } from 're2js';
import { BadRequest } from '../../../common/errors.ts';
import { Unmappable } from './unmappable.ts';

/** Finds whether a text holds the pattern anywhere, as Python's `re.search`. */
export type Pattern = (text: string) => boolean;

const longestPattern = 256;
const longestText = 1024;

/**
 * Compiles a regular expression of a mapping. Administrators write those, but whoever can choose a name at the identity
 * provider chooses what they are matched with: RE2's time grows with the length of the text alone, where JavaScript's own
 * can take for ever. What RE2 lacks for that (looking ahead or back, `\1`) is refused.
 * @throws BadRequest for what is no such expression.
 */
export function compilePattern(source: string): Pattern {
  if (source.length > longestPattern)
    throw new BadRequest(
      `A regular expression of a mapping can have ${longestPattern} characters; "${source}" is longer.`,
    );
  const compiled = compile(source);
  return (text) => {
    // A text that nobody matched would slip past a blacklist; one this long names neither a user nor a group.
    if (text.length > longestText) throw new Unmappable(`a value of more than ${longestText} characters`);
    return compiled.matcher(text).find();
  };
}

function compile(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (cause) {
    throw new BadRequest(`"${source}" is not a regular expression of RE2: ${(cause as Error).message}.`, { cause });
  }
}
