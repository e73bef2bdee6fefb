import { ConfigSchema } from './config.ts';

/** What `node main.ts --help` prints: every setting with its meaning and its default. */
export function configHelp(): string {
  const settings = Object.entries(ConfigSchema.properties).map(([key, schema]) => {
    const { default: fallback, description } = schema as { default?: string | number | boolean; description?: string };
    const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return `  ${flag.padEnd(18)} ${description}${fallback === '' ? '' : ` (${fallback})`}\n`;
  });
  return `Usage: node main.ts [--config FILE] [--SETTING VALUE]…

Runs one process of the cloud. Settings come from the file (a JSON object, keys like listenPort), then from the environment
(CIRROSTACK_LISTEN_PORT; DATABASE_URL counts too), then from the command line; later wins, and unknown ones are refused.

  --config FILE      also CIRROSTACK_CONFIG
${settings.join('')}`;
}
