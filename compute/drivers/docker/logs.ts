import type Docker from 'dockerode';
import type { ContainerDriver } from '../driver.ts';
import { renamed } from './errors.ts';
import { containerName } from './names.ts';
import { demultiplexed } from './output.ts';

export type LogOptions = Parameters<ContainerDriver['logs']>[1];

/** Characters; the end of a log is what people look for. */
const maximumLog = 4 * 1024 * 1024;

/**
 * What a container wrote, the last 4 MiB at most; of itself the engine keeps 30 MB of it (container-config.ts).
 * @param options `sinceSeconds` in seconds since 1970; 0 is from the beginning.
 */
export async function logsOf(docker: Docker, id: string, options: LogOptions): Promise<string> {
  const { stdout, stderr, timestamps, tail, sinceSeconds } = options;
  const container = docker.getContainer(containerName(id));
  try {
    const { Config } = await container.inspect();
    if ((!stdout && !stderr) || tail === 0) return '';
    const written = (await container.logs({
      follow: false,
      stdout,
      stderr,
      timestamps,
      since: sinceSeconds,
      ...(tail === 'all' ? {} : { tail }),
    })) as unknown as Buffer | string;
    const bytes = Buffer.from(written as Buffer);
    // With a terminal there is one stream, and no framing.
    const text = Config.Tty ? bytes.toString('utf8') : demultiplexed(bytes);
    return text.length > maximumLog ? text.slice(-maximumLog) : text;
  } catch (error) {
    throw renamed(error, 'Container', id);
  }
}
