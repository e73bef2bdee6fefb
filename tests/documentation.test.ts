/** The parts of docs/ that the program itself knows are made from it: every route, every setting, every metric. */
import { readFile, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { ConfigSchema } from '../common/config/config.ts';
import { format } from '../common/http/microversion.ts';
import type { Service } from '../common/http/service.ts';
import { createMetrics } from '../common/metrics.ts';
import { describeExtraSpecs } from '../compute/flavors/extra-specs.ts';
import { startTestCloud } from './cloud.ts';

/** What stands between `<!-- made: title -->` and `<!-- end -->` of a document is `parts[title]`, and every part stands there. */
async function holds(t: ExecutionContext, name: string, parts: Record<string, string>): Promise<void> {
  const file = new URL(`../docs/${name}`, import.meta.url);
  const before = await readFile(file, 'utf8');
  const used: string[] = [];
  const after = before.replaceAll(/(<!-- made: (.+?) -->\n).*?(<!-- end -->)/gs, (_, start, title, end) => {
    used.push(title);
    return `${start}\n${parts[title] ?? ''}\n\n${end}`;
  });
  t.deepEqual(used.toSorted(), Object.keys(parts).toSorted(), `${name} has a place for each part`);
  if (process.env.CIRROSTACK_TEST_UPDATE) await writeFile(file, after);
  else t.is(before, after, 'CIRROSTACK_TEST_UPDATE=1 writes it anew');
}

function table(header: string[], rows: string[][]): string {
  const lines = [header, header.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
}

/** Every route of a service, and who may call it. */
function routesOf({ prefix, routes, microversions }: Service): string {
  const rows = routes.map(({ method, path, rule, summary }) => [
    `\`${method} ${prefix}${path}\``,
    summary,
    'name' in rule ? `\`${rule.name}\`` : 'no token',
  ]);
  const range = microversions && `Microversions ${format(microversions.min)} to ${format(microversions.max)}.\n\n`;
  return `${range ?? ''}${table(['request', 'what', 'rule'], rows)}`;
}

test('docs/compatibility.md tells every route of every service', async (t) => {
  const cloud = await startTestCloud(t);
  const services = cloud.modules.map(({ service }) => service).filter(({ name }) => name !== 'dashboard');
  const parts = services.map((service) => [`routes of ${service.name}`, routesOf(service)]);
  const specs = describeExtraSpecs().map(({ name, isEverHonoured, gives }) => [
    `\`${name}\``,
    isEverHonoured ? 'yes' : 'refused',
    gives,
  ]);
  const counts = services.map(({ name, routes }) => [name, String(routes.length)]);
  await holds(t, 'compatibility.md', {
    ...Object.fromEntries(parts),
    'number of routes': table(['service', 'routes'], counts),
    'extra specs': table(['extra spec', 'had', 'what a server gets'], specs),
  });
});

test('docs/operations.md tells every setting and every metric of ours', async (t) => {
  const settings = Object.entries(ConfigSchema.properties).map(([key, schema]) => {
    const { default: fallback, description } = schema as { default?: string | number; description?: string };
    return [`\`${key}\``, fallback === '' ? '' : `\`${fallback}\``, description ?? ''];
  });
  for (const [key, , description] of settings) t.not(description, '', `${key} has no description`);
  const ours = (await createMetrics().registry.getMetricsAsJSON()).filter(({ name }) => name.startsWith('cirrostack_'));
  await holds(t, 'operations.md', {
    settings: table(['setting', 'default', 'what'], settings),
    metrics: table(
      ['metric', 'what'],
      ours.map(({ name, help }) => [`\`${name}\``, help]),
    ),
  });
});
