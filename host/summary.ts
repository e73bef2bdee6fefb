/** The last words of `bin/up`. */
import { join } from 'node:path';
import { type DemoGuest, serverName } from './seed/demo.ts';
import { table } from './steps.ts';

export interface Summary {
  dataDir: string;
  url: string;
  /** Empty when there is no demo project, or nothing in it. */
  guests: DemoGuest[];
  seconds: number;
}

export function summary({ dataDir, url, guests, seconds }: Summary): string {
  const clouds = join(dataDir, 'clouds.yaml');
  const [floating] = guests.find(({ name }) => name === serverName)?.floatingAddresses ?? [];
  const rows = [
    ['API', url],
    ['Dashboard', `${url}/dashboard/`],
    ['Users and passwords', `admin and demo, in ${clouds}`],
    ...guests.map(({ name, status, fixedAddresses, floatingAddresses }) => [
      name,
      `${status}  ${[...fixedAddresses, ...floatingAddresses].join(', ')}`,
    ]),
    ...(floating === undefined ? [] : [['Log in to it', `ssh -i ${join(dataDir, 'demo-key')} cirro@${floating}`]]),
  ];
  return `
The cloud is up, after ${seconds.toFixed(0)} s.

${table(rows)}
Use it with:

  export OS_CLIENT_CONFIG_FILE=${clouds} OS_CLOUD=cirrostack
  openstack server list
`;
}
