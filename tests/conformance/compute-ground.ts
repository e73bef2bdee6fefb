/** What tempest's tests of Compute expect to find: two sizes of server, and two images to make them of. */
import { personas } from '../personas.ts';

export const computeGround = {
  flavor_ref: '1001',
  flavor_ref_alt: '1002',
  image_ref: '0f000000-0000-4000-8000-000000000001',
  image_ref_alt: '0f000000-0000-4000-8000-000000000002',
} as const;

interface Extensions {
  extensions: { alias: string }[];
}

/** Makes them, and a network to the world, in the cloud at that URL, as its administrator. Gives what tempest has to know of it. */
export async function makeComputeGround(url: string) {
  const token = await logIn(url);
  const send = async (
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    type = 'application/json',
  ) => {
    const headers = { 'x-auth-token': token, 'content-type': type };
    const answer = await fetch(`${url}${path}`, { method, headers, body });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  for (const [i, id] of [computeGround.flavor_ref, computeGround.flavor_ref_alt].entries()) {
    const flavor = { id, name: `tempest-${i + 1}`, ram: 64 * (i + 1), vcpus: 1, disk: 1 };
    await send('POST', '/compute/v2.1/flavors', JSON.stringify({ flavor }));
  }
  for (const id of [computeGround.image_ref, computeGround.image_ref_alt]) {
    const image = {
      id,
      name: id,
      disk_format: 'raw',
      container_format: 'bare',
      visibility: 'public',
      hw_qemu_guest_agent: 'yes',
    };
    await send('POST', '/image/v2/images', JSON.stringify(image));
    await send('PUT', `/image/v2/images/${id}/file`, new Uint8Array(1024 * 1024), 'application/octet-stream');
  }
  const outside = {
    name: 'public',
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': 'external',
  };
  const made = await send('POST', '/network/v2.0/networks', JSON.stringify({ network: outside }));
  const { network } = (await made.json()) as { network: { id: string } };
  const subnet = { network_id: network.id, ip_version: 4, cidr: '172.24.8.0/22', enable_dhcp: false };
  await send('POST', '/network/v2.0/subnets', JSON.stringify({ subnet }));
  const { extensions } = (await (await send('GET', '/network/v2.0/extensions')).json()) as Extensions;
  return {
    network: { public_network_id: network.id, floating_network_name: outside.name },
    // Those that say nothing of it are taken to offer everything.
    'network-feature-enabled': { api_extensions: extensions.map(({ alias }) => alias).join() },
  };
}

async function logIn(url: string): Promise<string> {
  const domain = { id: 'default' };
  const { password, project } = personas.admin;
  const identity = { methods: ['password'], password: { user: { name: 'admin', domain, password } } };
  const answer = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope: { project: { name: project, domain } } } }),
  });
  const token = answer.headers.get('x-subject-token');
  if (token === null) throw new Error(`cannot log in: ${answer.status} ${await answer.text()}`);
  return token;
}
