import { loadavg, uptime } from 'node:os';

/** As `uptime` prints it, which is what clients take apart: time of day, time since the host started, load. */
export function uptimeLine(now = new Date(), seconds = uptime(), loads = loadavg()): string {
  const minutes = Math.floor(seconds / 60);
  const days = Math.floor(minutes / 1440);
  const clock = `${Math.floor((minutes % 1440) / 60)}:${String(minutes % 60).padStart(2, '0')}`;
  const up = days === 0 ? clock : `${days} day${days === 1 ? '' : 's'}, ${clock}`;
  const time = now.toISOString().slice(11, 19);
  return ` ${time} up ${up},  0 users,  load average: ${loads.map((load) => load.toFixed(2)).join(', ')}`;
}
