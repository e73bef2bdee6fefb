import { BadRequest } from '../../common/errors.ts';

/**
 * Splits a command line into words by the rules of the POSIX shell, and nothing more of a shell: quotes and backslashes, as
 * Python's `shlex.split` reads what python-zunclient writes. Throws `BadRequest` on a quote that does not end.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let i = 0; i < line.length; i++) {
    const char = line[i] as string;
    const next = line[i + 1];
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word += char;
    } else if (quote === '"') {
      if (char === '"') quote = undefined;
      else if (char === '\\' && (next === '"' || next === '\\')) {
        word += next;
        i += 1;
      } else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === '\\') {
      if (next === undefined) throw new BadRequest('Invalid command: nothing follows its last backslash.');
      word = (word ?? '') + next;
      i += 1;
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quote !== undefined) throw new BadRequest('Invalid command: a quotation in it does not end.');
  return word === undefined ? words : [...words, word];
}
