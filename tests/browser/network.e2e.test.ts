import test from 'ava';
import { closeBrowser, logIn, visit } from './browser.ts';
import { startRunningCloud } from './cloud.ts';

test.after.always(closeBrowser);

test('a network with its subnet is made and deleted', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud, { path: '/networks' });
  await logIn(page, 'member');
  await page.getByText('No networks yet').waitFor();
  await page.getByRole('link', { name: 'Create network' }).first().click();
  await page.getByLabel('Name').fill('private');
  await page.getByLabel('Addresses of its subnet').fill('10.1.0.0/24');
  await page.getByLabel('DNS servers').fill('9.9.9.9, 1.1.1.1');
  await page.getByRole('button', { name: 'Create network' }).click();
  const row = page.getByRole('row', { name: /private/ });
  await row.getByText('10.1.0.0/24').waitFor();
  t.regex((await row.textContent()) ?? '', /gateway 10\.1\.0\.1 · DHCP/);
  const { subnets } = await cloud.ask('member', 'GET', '/network/v2.0/subnets');
  t.deepEqual(subnets[0].dns_nameservers, ['9.9.9.9', '1.1.1.1']);

  await row.getByRole('button', { name: 'Delete network private' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No networks yet').waitFor();
  t.deepEqual((await cloud.ask('member', 'GET', '/network/v2.0/networks')).networks, []);
  t.deepEqual(problems, []);
});

test('a subnet that is refused leaves no network behind, and the form says why', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud, { path: '/networks/new' });
  await logIn(page, 'member');
  await page.getByLabel('Name').fill('broken');
  await page.getByLabel('Addresses of its subnet').fill('10.1.0.999/24');
  await page.getByRole('button', { name: 'Create network' }).click();
  const alert = page.getByRole('alert');
  await alert.waitFor();
  t.regex((await alert.textContent()) ?? '', /10\.1\.0\.999[\s\S]*Status 400 · request req-/);
  t.is(await page.getByLabel('Name').inputValue(), 'broken');
  t.deepEqual((await cloud.ask('member', 'GET', '/network/v2.0/networks')).networks, []);
  t.deepEqual(problems, []);
});

test('a rule is added to a security group and removed again', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud, { path: '/security-groups' });
  await logIn(page, 'member');
  await page.getByRole('button', { name: 'Create security group' }).click();
  await page.getByLabel('Name').fill('web');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { name: 'web' }).waitFor();
  await page.getByText('Nothing from outside reaches its members.').waitFor();

  await page.getByLabel('Ports').fill('port 80');
  t.is(await page.getByRole('button', { name: 'Add rule' }).getAttribute('aria-disabled'), 'true');
  await page.getByText('Ports are one number or a range').waitFor({ state: 'attached' });
  await page.getByLabel('Ports').fill('8000-8010');
  await page.getByRole('button', { name: 'Add rule' }).click();
  const row = page.getByRole('table', { name: 'Incoming rules' }).getByRole('row', { name: /TCP 8000–8010/ });
  await row.getByText('0.0.0.0/0', { exact: true }).waitFor();

  await row.getByRole('button', { name: /^Delete rule/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Nothing from outside reaches its members.').waitFor();
  t.deepEqual(problems, []);
});

test('a disabled button says why and does nothing', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud, { path: '/security-groups' });
  await logIn(page, 'member');
  const button = page.getByRole('button', { name: 'Delete security group default' });
  await button.focus();
  await page.getByRole('tooltip', { name: 'Every project keeps its default security group.' }).waitFor();
  await page.keyboard.press('Enter');
  t.is(await page.getByRole('dialog').count(), 0);
  t.deepEqual(problems, []);
});

test('a router connects a subnet to the outside, and a floating IP leads through it', async (t) => {
  const cloud = await startRunningCloud(t);
  const outside = await cloud.ask('admin', 'POST', '/network/v2.0/networks', {
    network: {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'external',
    },
  });
  await cloud.ask('admin', 'POST', '/network/v2.0/subnets', {
    subnet: { network_id: outside.network.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false },
  });
  const inside = await cloud.ask('member', 'POST', '/network/v2.0/networks', { network: { name: 'private' } });
  await cloud.ask('member', 'POST', '/network/v2.0/subnets', {
    subnet: { network_id: inside.network.id, ip_version: 4, cidr: '10.1.0.0/24', name: 'private-subnet' },
  });
  await cloud.ask('member', 'POST', '/network/v2.0/ports', {
    port: { network_id: inside.network.id, name: 'a-port' },
  });

  const { page, problems } = await visit(t, cloud, { path: '/routers' });
  await logIn(page, 'member');
  await page.getByRole('button', { name: 'Create router' }).first().click();
  await page.getByLabel('Name').fill('edge');
  await page.getByLabel('External network').selectOption('public');
  await page.getByRole('dialog').getByRole('button', { name: 'Create router' }).click();
  const router = page.getByRole('row', { name: /edge/ });
  await router.getByText(/172\.24\.4\./).waitFor();
  await router.getByRole('button', { name: 'Connect a subnet' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Connect' }).click();
  await router.getByText('10.1.0.1').waitFor();

  await page.getByRole('link', { name: 'Floating IPs' }).click();
  await page.getByRole('button', { name: 'Allocate floating IP' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Allocate' }).click();
  const floating = page.getByRole('row', { name: /172\.24\.4\./ });
  await floating.getByRole('button', { name: 'Associate' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Associate' }).click();
  await floating.getByText(/a-port/).waitFor();
  const { floatingips } = await cloud.ask('member', 'GET', '/network/v2.0/floatingips');
  t.regex(floatingips[0].fixed_ip_address, /^10\.1\.0\./);

  await floating.getByRole('button', { name: 'Disassociate' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disassociate' }).click();
  await floating.getByText('nothing').waitFor();
  t.deepEqual(problems, []);
});
