import test from 'ava';
import { until } from '../../compute/drivers/contract/host-under-test.ts';
import { closeBrowser, logIn, visit } from './browser.ts';
import { startRunningCloud } from './cloud.ts';
import { prepareGround } from './ground.ts';

test.after.always(closeBrowser);

test('the screen and the serial port of a server are shown in the dashboard, and what is typed arrives', async (t) => {
  const cloud = await startRunningCloud(t);
  const { imageId, networkId } = await prepareGround(cloud);
  const fields = { name: 'web', imageRef: imageId, flavorRef: 'tiny', networks: [{ uuid: networkId }] };
  const { server } = await cloud.ask('member', 'POST', '/compute/v2.1/servers', { server: fields });
  const { page, problems } = await visit(t, cloud, { path: `/servers/${server.id}` });
  await logIn(page, 'member');
  await page.locator('header .status').getByText('ACTIVE').waitFor();
  await page.getByRole('link', { name: 'Open console' }).click();

  const screen = page.frameLocator('iframe[title="Screen"]');
  await screen.getByText('Connected').waitFor();
  const canvas = screen.locator('canvas');
  const middle = () =>
    canvas.evaluate((element: HTMLCanvasElement) => {
      const pixel = element.getContext('2d')?.getImageData(element.width / 2, element.height / 2, 1, 1).data;
      return [...(pixel ?? [])].join();
    });
  await until(t, 'the screen is drawn', async () => (await middle()) === '0,128,0,255');

  await page.getByRole('link', { name: 'Serial port' }).click();
  const serial = page.frameLocator('iframe[title="Serial port"]');
  await serial.getByText('Connected').waitFor();
  await page.keyboard.type('hello guest');
  await serial.getByText('hello guest').waitFor();
  const guest = cloud.host.servers.get(server.id);
  if (guest) guest.output += '\r\n<img src=x onerror=alert(1)>\x1b]8;;javascript:alert(2)\x07link\x1b]8;;\x07';
  cloud.host.changed(server.id);
  await serial.getByText('<img src=x onerror=alert(1)>').waitFor();

  await cloud.ask('member', 'POST', `/compute/v2.1/servers/${server.id}/action`, { 'os-stop': null });
  await serial.getByText('The console has ended.').waitFor();
  const status = async () => (await cloud.ask('member', 'GET', `/compute/v2.1/servers/${server.id}`)).server.status;
  await until(t, 'the server is off', async () => (await status()) === 'SHUTOFF');
  await page.getByRole('button', { name: 'Connect again' }).click();
  await page.getByText(/Instance .* is not ready/).waitFor();
  t.deepEqual(problems, []);
});
