const esc = '\u001b';
/** Operating system commands (titles, links), control sequences (colours, cursor), and shorter escapes. */
const sequences = new RegExp(
  `${esc}\\][^\u0007${esc}]*(?:\u0007|${esc}\\\\|$)|${esc}\\[[0-?]*[ -/]*[@-~]|${esc}[ -/]*[0-~]`,
  'g',
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go; tab and line feed stay
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * What was printed to a terminal, without what would steer the one of whoever reads it: whole sequences, of which nothing is
 * left to read, and then every control character but tab and line feed, also those of C1.
 */
export function withoutControls(printed: string): string {
  return printed.replaceAll('\r\n', '\n').replace(sequences, '').replace(controls, '');
}
