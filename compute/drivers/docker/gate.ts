/**
 * Holds a container's program back until its network is there. Docker makes the network namespace and starts the program in
 * one step, so whatever is to be plugged comes late; a program that resolves a name first thing would fail. With the gate
 * the container starts a shell of ours, from a static busybox mounted read-only, which waits for eth0's carrier and then
 * becomes the program. The carrier is the last thing that plugging raises (see plug.ts), belongs to this very namespace, and
 * needs nothing but /sys; nothing can be left over from an earlier start.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentFailure } from '../../../common/errors.ts';

/** Where the container sees it. */
export const gatePath = '/.cirrostack/busybox';

/** Variables that the shell would set, change or read for itself. */
const shellVariables = new Set(
  'PWD OLDPWD SHLVL IFS PS1 PS2 PS4 OPTIND OPTARG PPID LINENO RANDOM ENV MAIL MAILPATH MAILCHECK HISTFILE'.split(' '),
);

/** Single quotes keep everything but themselves. Runs inside the tenant's own container only. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * The argv that waits and then becomes `command`, as the engine would have started it: looked up in $PATH, with the same
 * environment and argv[0].
 * @param environment `NAME=value`, of the image and the request. Names that are no shell words (`spring.profile`) would be
 *   dropped by the shell and are handed on around it; only then argv[0] becomes the full path.
 */
export function gated(command: string[], environment: string[]): string[] {
  const odd = environment.filter((entry) => {
    const name = entry.slice(0, Math.max(0, entry.indexOf('=')));
    return !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || shellVariables.has(name) || name.startsWith('_cs_');
  });
  const become =
    odd.length === 0
      ? 'exec -a "$_cs_name" "$_cs_file" "$@"'
      : `exec ${gatePath} env ${odd.map(quoted).join(' ')} "$_cs_file" "$@"`;
  return [gatePath, 'sh', '-c', script(become), 'gate', ...command];
}

/** The command behind the gate; undefined when there is no gate before it. */
export function ungated(argv: string[]): string[] | undefined {
  return argv[0] === gatePath && argv[1] === 'sh' && argv[4] === 'gate' ? argv.slice(5) : undefined;
}

// PID 1 ignores signals that it does not handle: without the trap, stopping a container that waits takes all its grace.
// busybox's shell prefers its own applets to $PATH (an image's `httpd` would become busybox's), hence the look-up by hand.
const script = (become: string) => `trap 'exit 143' TERM INT HUP QUIT
until { read -r _cs_up < /sys/class/net/eth0/carrier; } 2>/dev/null && [ "$_cs_up" = 1 ]; do
  ${gatePath} usleep 5000
done
trap - TERM INT HUP QUIT
unset SHLVL PWD OLDPWD
_cs_name=$1
shift
case $_cs_name in
*/*) _cs_file=$_cs_name ;;
*)
  _cs_path=$PATH: _cs_file=
  while [ -n "$_cs_path" ]; do
    _cs_try=\${_cs_path%%:*}/$_cs_name
    _cs_path=\${_cs_path#*:}
    if [ -f "$_cs_try" ] && [ -x "$_cs_try" ]; then _cs_file=$_cs_try; break; fi
  done
  if [ -z "$_cs_file" ]; then echo "exec: \\"$_cs_name\\": executable file not found in \\$PATH" >&2; exit 127; fi ;;
esac
${become}`;

/**
 * Puts the busybox where containers mount it from, and does nothing when it is there.
 * @returns its path on the host.
 * @throws PermanentFailure when the host has none.
 */
export async function installGate(stateDirectory: string, busybox: string): Promise<string> {
  const path = join(stateDirectory, 'gate-busybox');
  const [there, wanted] = await Promise.all([stat(path).catch(() => undefined), stat(busybox).catch(() => undefined)]);
  if (wanted === undefined) {
    if (there !== undefined) return path;
    throw new PermanentFailure('Containers with ports need a static busybox on the host: install busybox-static.');
  }
  if (there !== undefined && there.size === wanted.size && there.mtimeMs >= wanted.mtimeMs) return path;
  await mkdir(stateDirectory, { recursive: true });
  const partial = `${path}.${randomUUID()}`;
  try {
    await copyFile(busybox, partial);
    await chmod(partial, 0o755); // whatever user the image names has to run it
    await access(partial, constants.X_OK);
    await rename(partial, path); // running gates keep the old file; a crash leaves no half one
  } finally {
    await rm(partial, { force: true });
  }
  return path;
}
