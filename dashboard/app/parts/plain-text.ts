const esc = '\u001b';
/** Operating system commands (titles, links), control sequences (colours, cursor), and shorter escapes. */
const sequences = new RegExp(
  `${esc}\\][^\u0007${esc}]*(?:\u0007|${esc}\\\\|$)|${esc}\\[[0-?]*[ -/]*[@-~]|${esc}[ -/]*[0-~]`,
  'g',
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go; tab and line feed stay
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** Characters that make text look like other text. */
const directions = /[\u202a-\u202e\u2066-\u2069]/g;

/** What a guest printed, as a person reads it: without what would have steered a terminal. */
export function plainText(printed: string): string {
  return printed.replaceAll('\r\n', '\n').replace(sequences, '').replace(controls, '').replace(directions, '');
}
