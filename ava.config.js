export default {
  extensions: ['ts'], // Node.js itself strips the types
  files: ['**/*.test.ts', '!dashboard/dist/**'],
  workerThreads: false, // some tests load native libraries, which want a process to themselves
  timeout: '60s',
};
