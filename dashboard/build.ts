/** Bundles the dashboard into `dist/`, which the API process serves. Also a command: `node dashboard/build.ts`. */
import { createHash } from 'node:crypto';
import { copyFile, glob, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

const folder = import.meta.dirname;
const dist = join(folder, 'dist');
const stampName = '.stamp';

const consoleEntries = ['screen.ts', 'terminal.ts', 'screen.css', 'terminal.css'].map(
  (name) => `console-pages/${name}`,
);

let building: Promise<string> | undefined;

/**
 * Makes the bundle and gives the folder it is in; does nothing when that was made from these very sources. A failure
 * throws with esbuild's own words and leaves an older bundle as it was. Several may ask at once, in any number of processes.
 */
export function buildDashboard(): Promise<string> {
  building ??= build().finally(() => {
    building = undefined;
  });
  return building;
}

async function build(): Promise<string> {
  const stamp = await sourcesStamp();
  const isMade = async () => (await readFile(join(dist, stampName), 'utf8').catch(() => '')) === stamp;
  if (await isMade()) return dist;
  const draft = `${dist}.${process.pid}`;
  try {
    await bundle(draft);
    await writeFile(join(draft, stampName), stamp);
    await rm(dist, { recursive: true, force: true });
    await rename(draft, dist);
  } catch (error) {
    if (!(await isMade())) throw error; // unless another process was faster
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return dist;
}

async function bundle(outdir: string): Promise<void> {
  const { build: esbuild } = await import('esbuild'); // only needed when there is something to do
  const app = join(folder, 'app');
  await mkdir(outdir, { recursive: true });
  const { metafile } = await esbuild({
    entryPoints: ['main.tsx', 'style.css', ...consoleEntries].map((name) => join(app, name)),
    outdir,
    entryNames: '[name]-[hash]', // a name that changes with the content may be cached for ever
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'linked',
    metafile: true,
    logLevel: 'silent',
  });
  const names = Object.keys(metafile.outputs).map((path) => basename(path));
  const named = (pattern: RegExp) => names.find((name) => pattern.test(name)) ?? '';
  for (const page of ['index.html', 'console-pages/vnc.html', 'console-pages/serial.html']) {
    const html = (await readFile(join(app, page), 'utf8')).replaceAll(
      /(\/dashboard\/files\/)(\w+)\.(?:tsx?|(css))/g,
      (_, folder, name, css) => folder + named(new RegExp(`^${name}-.*\\.${css ?? 'js'}$`)),
    );
    await writeFile(join(outdir, basename(page)), html);
  }
  await copyFile(join(app, 'icon.svg'), join(outdir, 'icon.svg'));
}

/** Everything the bundle is made of: our sources here, the pure modules of the services, and the packages' versions. */
async function sourcesStamp(): Promise<string> {
  const hash = createHash('sha256');
  const files = [join(folder, 'build.ts'), join(folder, '..', 'package-lock.json')];
  for await (const file of glob('app/**/*', { cwd: folder })) files.push(join(folder, file));
  for await (const file of glob('{compute,network,image}/*/*.ts', { cwd: join(folder, '..') }))
    files.push(join(folder, '..', file));
  for (const file of files.sort()) {
    const content = await readFile(file).catch(() => undefined); // a folder, or gone since it was listed
    if (content) hash.update(`${file.slice(folder.length)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

if (import.meta.main) console.log(await buildDashboard());
