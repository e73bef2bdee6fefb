const esc = '\u001b';
/**
 * What sets the palette of Linux' console, which nothing ends (console_codes(4)); operating system commands (titles, links), which end
 * on their line or are none; control sequences (colours, cursor); and shorter escapes.
 */
const sequences = new RegExp(
  [
    `${esc}\\](?:R|P[0-9A-Fa-f]{7})`,
    `${esc}\\][^\u0000-\u001f\u009c]*(?:\u0007|\u009c|${esc}\\\\)`,
    `${esc}\\[[0-?]*[ -/]*[@-~]`,
    `${esc}[ -/]*[0-~]`,
  ].join('|'),
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
