import type { Duplex } from 'node:stream';
import type { ConsoleKind, ServerDriver } from '../drivers/driver.ts';

/** The consoles of this host's guests, for all who open them from here. */
export interface HostConsoles {
  /** For this process, which ends what it has open by the console's row. Throws what the driver throws. */
  open(id: string, kind: ConsoleKind): Promise<Duplex>;
  /** For another process, which may vanish without a word: a serial port that was lent is taken from it by the next who comes. */
  lend(id: string, kind: ConsoleKind): Promise<Duplex>;
}

export function hostConsoles(driver: Pick<ServerDriver, 'openConsole'>): HostConsoles {
  const lent = new Map<string, Duplex>();
  const open = (id: string, kind: ConsoleKind) => {
    // Before: a serial port has one at a time, and the next would wait in silence.
    if (kind === 'serial') lent.get(id)?.destroy();
    return driver.openConsole(id, kind);
  };
  return {
    open,
    async lend(id, kind) {
      const guest = await open(id, kind);
      if (kind === 'screen') return guest;
      lent.get(id)?.destroy(); // whoever came at the same time
      lent.set(id, guest);
      guest.once('close', () => {
        if (lent.get(id) === guest) lent.delete(id);
      });
      return guest;
    },
  };
}
