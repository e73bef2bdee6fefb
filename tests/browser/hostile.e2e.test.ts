import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { Page } from 'playwright-core';
import { closeBrowser, logIn, visit } from './browser.ts';
import { type RunningCloud, startRunningCloud } from './cloud.ts';
import { prepareGround } from './ground.ts';

test.after.always(closeBrowser);

/** What has run in dashboards before this one, and what steers a terminal. Every field that takes it gets it. */
const markup = '"><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>{{7*7}}${7*7}';
const printed = `\u001b]0;${markup}\u0007\u001b[31m<img src=x onerror=alert(4)>\u001b[0m\u202e<script>alert(5)</script>\n`;

test('what users and guests write is text on every page, under a policy that is never broken', async (t) => {
  const cloud = await startRunningCloud(t);
  const found = await seed(cloud);
  const { page, problems } = await visit(t, cloud);
  await logIn(page, 'member');
  const pages = [
    '/',
    `/?text=${encodeURIComponent(markup)}`,
    '/networks',
    '/routers',
    '/floating-ips',
    '/security-groups',
    `/security-groups/${found.groupId}`,
    '/images',
    '/keypairs',
    '/servers/new',
    '/containers/new',
    `/servers/${found.serverId}`,
    `/servers/${encodeURIComponent(markup)}`,
    `/${encodeURIComponent(markup)}`,
  ];
  for (const path of pages) {
    await page.goto(`${cloud.url}/dashboard${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForLoadState('networkidle');
    t.deepEqual(await foreignElements(page), [], path);
  }
  t.deepEqual(problems, []);
});

test('a guest’s console is shown as the text that it is', async (t) => {
  const cloud = await startRunningCloud(t);
  const { serverId } = await seed(cloud);
  const { page, problems } = await visit(t, cloud, { path: `/servers/${serverId}` });
  await logIn(page, 'member');
  const log = page.getByRole('log', { name: 'Console log' });
  await log.getByText('<img src=x onerror=alert(4)><script>alert(5)</script>').waitFor();
  const text = (await log.textContent()) ?? '';
  t.false([...text].some((character) => character !== '\n' && character < ' '));
  t.false(text.includes('alert(1)')); // it was the title of a terminal's window
  t.deepEqual(await foreignElements(page), []);
  t.deepEqual(problems, []);
});

/** Elements that no page of ours has, and handlers in attributes. */
function foreignElements(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('img, script, svg, iframe, [onerror], [onload]')]
      .map((element) => element.outerHTML)
      .filter((html) => !/^<(img|script)[^>]* src="\/dashboard\/files\/[\w.-]+"/.test(html)),
  );
}

async function seed(cloud: RunningCloud): Promise<{ groupId: string; serverId: string }> {
  const { imageId, networkId } = await prepareGround(cloud);
  const make = (path: string, body: unknown) => cloud.ask('member', 'POST', path, body);
  const { network } = await make('/network/v2.0/networks', { network: { name: markup, description: markup } });
  await make('/network/v2.0/subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.2.0.0/24', name: markup },
  });
  await make('/network/v2.0/ports', { port: { network_id: network.id, name: markup } });
  await make('/network/v2.0/routers', { router: { name: markup } });
  const { security_group: group } = await make('/network/v2.0/security-groups', {
    security_group: { name: markup, description: markup },
  });
  const { server } = await make('/compute/v2.1/servers', {
    server: {
      name: markup,
      imageRef: imageId,
      flavorRef: 'tiny',
      networks: [{ uuid: networkId }],
      security_groups: [{ name: group.id }],
      metadata: { note: markup },
    },
  });
  const image = await make('/image/v2/images', { name: markup, disk_format: 'raw', container_format: 'bare' });
  await cloud.ask('member', 'PUT', `/image/v2/images/${image.id}/file`, randomBytes(1000));
  for (;;) {
    const guest = cloud.host.servers.get(server.id);
    if (guest?.power === 'running') {
      guest.output += printed;
      return { groupId: group.id, serverId: server.id };
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
