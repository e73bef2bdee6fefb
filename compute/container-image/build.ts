/**
 * A first container image, made of Debian's static busybox alone: nothing to download, and everything in it is known. It
 * serves a page that tells its hostname, and has a shell, `ping`, `wget`, `nc`, `ip` and the other applets to look around.
 * The same busybox makes the same bytes: no times, owners or orders of this host go in.
 */
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { type Header, pack } from 'tar-stream';
import { execute } from '../../host/execute.ts';

/** Runs as process 1, which ignores a request to stop unless it handles it. */
const start = `#!/bin/sh
# Serves /www on port 80 until asked to stop.
cat > /www/index.html <<END
<!doctype html>
<title>$(hostname)</title>
<h1>Hello from $(hostname)</h1>
<p>This page is served by a container on Cirrostack.</p>
END
httpd -f -v -p 80 -h /www &
trap 'kill $!; exit 0' TERM INT
echo "serving on port 80"
wait
`;

export interface BusyboxImageOptions {
  /** A static busybox of this machine. */
  busybox?: string;
  /** What the image runs; its little web server unless told otherwise. */
  command?: string[];
}

/**
 * Writes the image as a `docker save` archive, whole or not at all.
 * @throws when the busybox is missing: Debian's package is busybox-static.
 */
export async function buildBusyboxImage(
  outputPath: string,
  { busybox = '/bin/busybox', command = ['/bin/start'] }: BusyboxImageOptions = {},
): Promise<void> {
  const layer = await tar(await rootFiles(busybox));
  const config = JSON.stringify({
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: { Cmd: command, Env: ['PATH=/bin'], ExposedPorts: { '80/tcp': {} }, WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'busybox-static' }],
  });
  const configName = `${sha256(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: ['busybox:latest'], Layers: ['layer.tar'] }];
  const archive = await tar([
    [{ name: configName }, config],
    [{ name: 'layer.tar' }, layer],
    [{ name: 'manifest.json' }, JSON.stringify(manifest)],
  ]);
  await writeFile(`${outputPath}.new`, archive);
  await rename(`${outputPath}.new`, outputPath);
}

/** The names that Docker knows processors by, where Node has others. */
const architectures: Record<string, string> = { x64: 'amd64', ia32: '386' };

type FileHeader = Partial<Header> & Pick<Header, 'name'>;
type Entry = [header: FileHeader, content?: string | Buffer];

async function rootFiles(busybox: string): Promise<Entry[]> {
  const applets = (await execute(busybox, ['--list'])).split('\n').filter((name) => name !== '' && name !== 'busybox');
  const directories = ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp', 'www'];
  return [
    ...directories.map((name): Entry => [{ name, type: 'directory', mode: name === 'tmp' ? 0o1777 : 0o755 }]),
    [{ name: 'bin/busybox', mode: 0o755 }, await readFile(busybox)],
    ...applets.sort().map((name): Entry => [{ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' }]),
    [{ name: 'bin/start', mode: 0o755 }, start],
    [{ name: 'etc/passwd' }, 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'],
    [{ name: 'etc/group' }, 'root:x:0:\nnogroup:x:65534:\n'],
  ];
}

async function tar(entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  const written = buffer(archive);
  for (const [header, content] of entries) {
    const whole: FileHeader = { mode: 0o644, ...header, uid: 0, gid: 0, mtime: new Date(0) };
    if (content === undefined) archive.entry(whole);
    else archive.entry(whole, content);
  }
  archive.finalize();
  return written;
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
