import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../testing.ts';

test('consoles are asked for as each microversion has it, and refused in Nova’s words', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer } = await prepareCompute(t, cloud);
  const id = await createServer();
  const path = `/compute/v2.1/servers/${id}`;
  const ask = async (
    version: string,
    protocol: string,
    type: string,
    persona: Parameters<typeof cloud.as>[0] = 'member',
  ) => {
    const body = { remote_console: { protocol, type } };
    const answer = await atVersion(cloud.as(persona), version).request({
      method: 'POST',
      path: `${path}/remote-consoles`,
      body,
    });
    const [fault] = Object.values(answer.body) as { message?: string }[];
    return [answer.status, answer.status === 200 ? answer.body.remote_console : fault?.message] as const;
  };
  t.deepEqual(await ask('2.6', 'vnc', 'novnc'), [409, `Instance ${id} is not ready`]);
  await cloud.settle();

  const [status, screen] = await ask('2.6', 'vnc', 'novnc');
  t.is(status, 200);
  t.deepEqual(Object.keys(screen), ['protocol', 'type', 'url']);
  t.regex(screen.url, /^http:\/\/cloud\.test\/console\/vnc\.html\?path=console%3Ftoken%3D[\w-]{43}$/);
  const [, serial] = await ask('2.96', 'serial', 'serial');
  t.regex(serial.url, /^ws:\/\/cloud\.test\/console\?token=[\w-]{43}$/);

  t.is((await ask('2.5', 'vnc', 'novnc'))[0], 404);
  t.deepEqual(await ask('2.6', 'spice', 'spice-html5'), [400, 'Unavailable console type spice-html5.']);
  t.deepEqual(await ask('2.6', 'rdp', 'rdp-html5'), [400, 'Unavailable console type rdp-html5.']);
  t.regex(String((await ask('2.7', 'mks', 'webmks'))[1]), /Invalid input for field/);
  t.deepEqual(await ask('2.8', 'mks', 'webmks'), [400, 'Unavailable console type webmks.']);
  for (const [protocol, type] of [
    ['vnc', 'xvpvnc'],
    ['vnc', 'serial'],
    ['serial', 'novnc'],
    ['mks', 'novnc'],
  ] as const)
    t.deepEqual(await ask('2.8', protocol, type), [400, `Invalid console type ${type}`]);
  t.is((await ask('2.6', 'vnc', 'novnc', 'reader'))[0], 403);
  t.is((await ask('2.6', 'vnc', 'novnc', 'stranger'))[0], 404);
  t.is((await ask('2.6', 'vnc', 'novnc', 'admin'))[0], 200);

  const member = atVersion(cloud.as('member'), '2.5');
  const act = (action: object, status = 200) => member.post(`${path}/action`, action, status);
  t.deepEqual(Object.keys((await act({ 'os-getVNCConsole': { type: 'novnc' } })).console), ['type', 'url']);
  t.regex((await act({ 'os-getSerialConsole': { type: 'serial' } })).console.url, /^ws:/);
  for (const [name, type] of [
    ['VNC', 'xvpvnc'],
    ['SPICE', 'spice-html5'],
    ['RDP', 'rdp-html5'],
    ['Serial', 'novnc'],
    ['VNC', 'x'],
  ])
    await act({ [`os-get${name}Console`]: { type } }, 400);
  await atVersion(cloud.as('member'), '2.6').post(`${path}/action`, { 'os-getVNCConsole': { type: 'novnc' } }, 400);

  await act({ 'os-stop': null }, 202);
  await cloud.settle();
  t.deepEqual(await ask('2.6', 'serial', 'serial'), [409, `Instance ${id} is not ready`]);
});
