/** `NAME=value`, one on each line; empty lines are nothing. Undefined when a line is something else. */
export function environmentOf(text: string): Record<string, string> | undefined {
  const environment: Record<string, string> = {};
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const at = line.indexOf('=');
    const name = line.slice(0, at).trim();
    if (at < 1 || !/^[A-Za-z_]\w*$/.test(name)) return undefined;
    environment[name] = line.slice(at + 1);
  }
  return environment;
}
