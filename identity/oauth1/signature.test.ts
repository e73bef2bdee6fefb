import test from 'ava';
import { Secret } from '../../common/secret.ts';
import { baseString, isSignedWith, readSignedRequest } from './signature.ts';

const url = new URL('http://EXAMPLE.COM:80/r%20v/X?id=123&b5=%3D%253D&a3=a&a3=2%20q');
const header =
  'OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7", ' +
  'oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="';

test('the base string is that of RFC 5849: a default port is left out, parameters are decoded, sorted and encoded', (t) => {
  const request = readSignedRequest(`${header}x"`, 'get', [url])!;
  t.is(
    baseString(request, url),
    'GET&http%3A%2F%2Fexample.com%2Fr%2520v%2FX&a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26id%3D123%26' +
      'oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26' +
      'oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
  );
});

test('a signature holds for its secrets, method and URL alone', (t) => {
  // The request of RFC 5849, section 1.2, as oauthlib signs it.
  const example = new URL('https://photos.example.net/initiate');
  const temporary =
    'OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_signature_method="HMAC-SHA1", ' +
    'oauth_timestamp="137131200", oauth_nonce="wIjqoxSySM", ' +
    'oauth_callback="http%3A%2F%2Fprinter.example.com%2Fready", oauth_signature="PygJTm3qInq7aQskCZiOqDAfePI%3D"';
  const secret = new Secret('kd94hf93k423kf44');
  const signed = (method: string, at: URL) => readSignedRequest(temporary, method, [at])!;
  t.true(isSignedWith(signed('POST', example), secret, null));
  t.true(
    isSignedWith(
      { ...signed('POST', new URL('http://other/')), urls: [new URL('http://other/'), example] },
      secret,
      null,
    ),
  );
  t.false(isSignedWith(signed('GET', example), secret, null));
  t.false(isSignedWith(signed('POST', new URL('https://photos.example.net/other')), secret, null));
  t.false(isSignedWith(signed('POST', example), new Secret('another'), null));
  t.false(isSignedWith(signed('POST', example), secret, new Secret('a token’s')));
});

test('whatever is not one complete header of OAuth 1.0 with HMAC-SHA1 is none', (t) => {
  const read = (text: unknown) => readSignedRequest(text, 'POST', [url]);
  t.truthy(read(`${header}x"`));
  for (const wrong of [
    undefined,
    '',
    'Basic abc',
    'OAuth ',
    header,
    `${header}x", oauth_nonce="twice"`,
    `${header}%zz"`,
    `${header}x", oauth_version="2.0"`,
    `${header.replace('HMAC-SHA1', 'PLAINTEXT')}x"`,
    `${header.replace('oauth_nonce="7d8f3e4a", ', '')}x"`,
    `${header}${'x'.repeat(5000)}"`,
  ])
    t.is(read(wrong), undefined, String(wrong).slice(0, 200));
});
