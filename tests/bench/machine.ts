/** On what was measured: without it a figure says nothing. */
import { existsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { attempt } from '../../host/execute.ts';

/** Name and value of everything that the figures depend on, as it is now. */
export async function machineFacts(): Promise<string[][]> {
  const processors = cpus();
  return [
    ['Date', new Date().toISOString()],
    ['Version', await firstLine('git', ['-C', import.meta.dirname, 'describe', '--always', '--dirty'])],
    ['Processors', `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`],
    ['Memory', `${(totalmem() / 1024 ** 3).toFixed(1)} GiB`],
    ['Kernel', `Linux ${release()}${existsSync('/dev/kvm') ? ', has /dev/kvm' : ', no /dev/kvm'}`],
    ['Node.js', process.version],
    ['QEMU', await firstLine('qemu-system-x86_64', ['--version'])],
    ['Docker', await firstLine('docker', ['--version'])],
    ['Load before', loadOfMachine()],
  ];
}

/** Runnable processes, on average, over 1, 5 and 15 minutes. What others do meanwhile is part of every figure. */
export function loadOfMachine(): string {
  return loadavg()
    .map((load) => load.toFixed(2))
    .join(', ');
}

async function firstLine(command: string, args: string[]): Promise<string> {
  const { stdout } = await attempt(command, args).catch(() => ({ stdout: '' }));
  return stdout.split('\n')[0]?.trim() || 'not found';
}
