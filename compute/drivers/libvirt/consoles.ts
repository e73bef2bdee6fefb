/** Connections to what a guest shows. Nothing of it listens anywhere but in a directory that only root enters. */
import { connect, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Conflict, Unavailable } from '../../../common/errors.ts';
import type { Domains } from './domains.ts';
import { errorCode, LibvirtError } from './errors.ts';
import { libvirt } from './library.ts';

/** Its display, by RFB. Throws `Conflict` when it was started without one. */
export async function openScreen(domains: Domains, id: string): Promise<Duplex> {
  const descriptor = await domains.on(id, `show server ${id}`, ({ check }, domain) =>
    check(libvirt().openGraphics(domain)).catch((error) => {
      if (error instanceof LibvirtError && error.code === errorCode.internalError) throw withoutConsole(id, error);
      throw error;
    }),
  );
  if (descriptor === undefined) throw new Conflict(`Instance ${id} is not running`);
  return new Socket({ fd: descriptor, readable: true, writable: true });
}

/** Its first serial port. Throws `Conflict` when it was started without a way to it. */
export async function openSerialPort(path: string, id: string): Promise<Duplex> {
  const socket = connect({ path });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('connect', resolve).once('error', reject);
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.destroy();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') throw withoutConsole(id, error);
    throw new Unavailable('The serial port of the server does not answer.', { cause: error });
  } finally {
    socket.off('error', reject);
  }
}

function withoutConsole(id: string, cause: unknown): Conflict {
  return new Conflict(`Instance ${id} was started without this console; reboot it (hard) to get one.`, { cause });
}
