import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default {
  extensions: ['ts'], // Node.js itself strips the types
  files: ['**/*.test.ts', '!dashboard/dist/**'],
  workerThreads: false, // some tests load native libraries, which want a process to themselves
  timeout: '5m', // against hanging; how fast a machine is, is no test's business
  // Each file is a process that loads most of the program: without what the one before compiled, that takes a second more.
  environmentVariables: { NODE_COMPILE_CACHE: join(tmpdir(), 'cirrostack-test-cache', 'node') },
};
