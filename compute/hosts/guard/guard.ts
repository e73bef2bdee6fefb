/**
 * A program that outlives the agent: it ends the servers of this host when the agent has not extended its lease, because that
 * ended, hangs, or does not reach the database. libvirtd is not asked, as that may hang as well. Arguments: its socket, where libvirt
 * keeps the ids of QEMU's processes, and the seconds that it waits at first.
 */
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setPriority, uptime } from 'node:os';
import { endServers } from './servers.ts';

const [socketPath = '', runDirectory = '', seconds = ''] = process.argv.slice(2);
const lookMs = 500;

/** In seconds of uptime, which go on while the host is suspended, and are the agent's too. */
let endsAt = uptime() + Number(seconds);

const server = createServer((socket) => {
  let text = '';
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
    const match = text.match(/^(hold|release|until (\d+(?:\.\d+)?))\n$/);
    if (match === null) return void (text.length > 100 && socket.destroy());
    if (match[2] !== undefined) endsAt = Number(match[2]);
    socket.end(`ok ${endsAt}\n`, () => {
      if (match[1] === 'release') process.exit(0);
    });
  });
});
process.umask(0o177);
rmSync(socketPath, { force: true }); // of one that nobody reached any more
server.listen(socketPath, () => {
  const own = statSync(socketPath).ino;
  setInterval(() => {
    if (uptime() < endsAt) return;
    if (statSync(socketPath, { throwIfNoEntry: false })?.ino !== own) process.exit(0); // another one has taken over
    for (const id of endServers(runDirectory))
      console.error(`${new Date().toISOString()} ended server ${id}: the agent of this host has lost its lease`);
  }, lookMs);
});

for (const attempt of [() => writeFileSync('/proc/self/oom_score_adj', '-1000'), () => setPriority(-10)])
  try {
    attempt();
  } catch {
    // it serves all the same
  }
