/** A libvirt host for tests: the machine's own libvirtd, and a directory and an image of the test's own. */
import { execFile } from 'node:child_process';
import { access, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import type { ServerHostUnderTest } from '../contract.ts';
import { type LibvirtDriverOptions, LibvirtServerDriver } from './driver.ts';
import { readInterfaces } from './interfaces.ts';
import { domainName, tapName } from './names.ts';

const run = promisify(execFile);
const uri = 'qemu:///system';

/** Runs virsh, as an operator would behind our back. */
export async function virsh(...args: string[]): Promise<string> {
  return (await run('virsh', ['--connect', uri, '--quiet', ...args])).stdout;
}

export interface LibvirtHostUnderTest extends ServerHostUnderTest {
  driver: LibvirtServerDriver;
  guestsDirectory: string;
  /** For a driver in another process. */
  options: LibvirtDriverOptions;
  reopen(): Promise<LibvirtServerDriver>;
}

/** Closed and removed when the test ends. */
export async function openLibvirtHost(t: ExecutionContext<unknown>): Promise<LibvirtHostUnderTest> {
  const root = await mkdtemp(join(tmpdir(), 'cirrostack-libvirt-'));
  await chmod(root, 0o711); // QEMU's user must pass
  const guestsDirectory = join(root, 'guests');
  const image = { path: join(root, 'image.raw'), format: 'raw' as const };
  await writeFile(image.path, bootSector(), { mode: 0o644 });
  const userspaceDatapath = await access('/sys/module/openvswitch').then(
    () => false,
    () => true,
  );
  const options: LibvirtDriverOptions = {
    guestsDirectory,
    stateDirectory: join(tmpdir(), 'cirrostack-libvirt-state'), // shared: the KVM check costs seconds
    userspaceDatapath,
  };
  const open = () => new LibvirtServerDriver({ ...options, onProblem: (error, doing) => t.log(doing, error) });
  const driver = open();
  t.teardown(async () => {
    await driver.close();
    await rm(root, { recursive: true, force: true });
  });
  return {
    driver,
    image,
    guestsDirectory,
    options,
    reopen: async () => open(),
    lose: async (id) => void (await virsh('destroy', id)),
    forget: async (id) => {
      await virsh('destroy', id);
      await virsh('undefine', id);
    },
    configured: async (id) => {
      const kib = /<memory unit='KiB'>(\d+)</.exec(await virsh('dumpxml', '--inactive', id));
      return { memoryMib: Number(kib?.[1]) / 1024 };
    },
    connected: async (id) => {
      const xml = await virsh('dumpxml', id).catch(() => '');
      const onBridge = (await run('ovs-vsctl', ['list-ports', 'br-int'])).stdout.split('\n');
      return readInterfaces(xml).flatMap(({ portId }) => (onBridge.includes(tapName(portId)) ? [portId] : []));
    },
    leftovers: async (id) => {
      const domains = (await virsh('list', '--all', '--name')).split('\n').filter((name) => name === domainName(id));
      const directory = join(guestsDirectory, id);
      const files = await access(directory).then(
        () => [directory],
        () => [],
      );
      const processes = (await run('ps', ['-eo', 'pid,args'])).stdout.split('\n').filter((line) => {
        return line.includes('qemu-system') && line.includes(id);
      });
      return [...domains, ...files, ...processes];
    },
  };
}

/** Writes `booted` to the first serial port, again at each boot, and halts with the processor idle. 16-bit, at 0x7c00. */
function bootSector(): Buffer {
  const code =
    '31c08ed8be217c' + // the text is at 0x7c21
    'ac84c0741288c3' + // next character, until zero
    'bafd03eca82074f8' + // wait until the port's transmitter is free
    '88d8baf803eeebe9' + // send it
    'f4ebfd'; // halt for good
  const disk = Buffer.alloc(1024 * 1024);
  Buffer.from(code, 'hex').copy(disk);
  disk.write('booted\r\n', 0x21, 'latin1');
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}
