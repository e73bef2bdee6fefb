/**
 * Ends this process at once. `process.exit` waits for the threads of Node's pool, and one may be inside a libvirtd that hangs, or
 * wait for this thread to take an event of libvirt's: then both wait for ever.
 */
export async function endProcess(code: number): Promise<never> {
  try {
    const { default: koffi } = await import('koffi');
    koffi.load('libc.so.6').func('void _exit(int status)')(code);
  } catch {
    // another libc: the usual way, then
  }
  process.exit(code);
}
