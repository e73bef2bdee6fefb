import { RE2JS } from 're2js';
import { BadRequest } from '../../common/errors.ts';

/** Whether a password is as the operator wants it. */
export type PasswordPattern = (password: string) => boolean;

/**
 * Compiles `passwordRegex`, which must match from the password's beginning, as in keystone. The engine's time grows with the
 * password alone, so no password can keep it busy. It knows no lookahead; but what operators write begins with some
 * (`^(?=.*\d)(?=.*[a-z]).{12,}$`), and those only mean that several patterns must hold at once.
 * @throws BadRequest
 */
export function compilePasswordPattern(regex: string): PasswordPattern {
  const parts = split(regex).map(({ pattern, isWanted }) => ({ pattern: compile(pattern, regex), isWanted }));
  return (password) => parts.every(({ pattern, isWanted }) => pattern.matcher(password).lookingAt() === isWanted);
}

interface Part {
  pattern: string;
  /** False: it must not match. */
  isWanted: boolean;
}

/** Takes the lookaheads off the beginning. Flags that stand first (`(?i)`) are meant for all of it. */
function split(regex: string): Part[] {
  const [, flags = '', anchor = ''] = regex.match(/^(\(\?[ims]+\))?(\^?)/) ?? [];
  const parts: Part[] = [];
  let rest = regex.slice(flags.length + anchor.length);
  while (rest.startsWith('(?=') || rest.startsWith('(?!')) {
    const end = closing(rest);
    if (end < 0) break;
    parts.push({ pattern: flags + rest.slice(3, end), isWanted: rest[2] === '=' });
    rest = rest.slice(end + 1);
  }
  if (parts.length > 0 && isAlternative(rest))
    throw new BadRequest(
      `Setting passwordRegex: put ${rest} into parentheses: lookaheads must be meant for all of it.`,
    );
  return [...parts, { pattern: flags + rest, isWanted: true }];
}

/** Where the parenthesis that opens the text is closed; -1 when it is not. */
function closing(text: string): number {
  for (const { at, letter, depth } of outsideClasses(text)) if (letter === ')' && depth === 0) return at;
  return -1;
}

function isAlternative(text: string): boolean {
  for (const { letter, depth } of outsideClasses(text)) if (letter === '|' && depth === 0) return true;
  return false;
}

/** The letters that are neither escaped nor in a class, and in how many parentheses they leave us. */
function* outsideClasses(text: string): Generator<{ at: number; letter: string; depth: number }> {
  let depth = 0;
  let isInClass = false;
  for (let i = 0; i < text.length; i += 1) {
    const letter = text[i] as string;
    if (letter === '\\') i += 1;
    else if (isInClass) isInClass = letter !== ']';
    else if (letter === '[') {
      isInClass = true;
      if (text[i + 1] === '^') i += 1;
      if (text[i + 1] === ']') i += 1; // the first one in a class stands for itself
    } else {
      depth += { '(': 1, ')': -1 }[letter] ?? 0;
      yield { at: i, letter, depth };
    }
  }
}

function compile(pattern: string, whole: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new BadRequest(
      `Setting passwordRegex: ${whole} cannot be used: ${(error as Error).message}. Lookaheads may only stand at its beginning; backreferences and lookbehinds are not known.`,
      { cause: error },
    );
  }
}
