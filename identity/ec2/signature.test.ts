/** Against the signatures that AWS's documentation and python-keystoneclient's tests give for their examples. */
import test from 'ava';
import { type SignedRequest, signatureOf, signedAt, signString } from './signature.ts';

const access = '966afbde20b84200ae4e62e09acf46b2';
const secret = '89cdf9e94e2643cab35b8b8ac5a51f83';
const local = { verb: 'GET', host: '127.0.0.1', path: '/v1/', headers: {}, bodyHash: '' };
const AWSAccessKeyId = access;

test('versions 0, 1 and 2 sign what they are known to sign', (t) => {
  const Timestamp = '2012-11-27T11:47:02Z';
  const zero = { ...local, params: { SignatureVersion: '0', AWSAccessKeyId, Timestamp, Action: 'Foo' } };
  t.is(signatureOf(zero, secret), 'SmXQEZAUdQw5glv5mX8mmixBtas=');
  t.is(signedAt(zero), Date.UTC(2012, 10, 27, 11, 47, 2));
  const one = { ...local, params: { SignatureVersion: '1', AWSAccessKeyId } };
  t.is(signatureOf(one, secret), 'VRnoQH/EhVTTLhwRLfuL7jmFW9c=');
  const two = { ...local, params: { SignatureVersion: '2', AWSAccessKeyId } };
  t.is(signatureOf(two, secret), 'odsGmT811GffUO0Eu13Pq+xTzKNIjJ6NhgZU74tYX/w=');
  t.throws(() => signedAt(two), { message: 'Invalid EC2 signature.' }, 'it could be replayed for ever');
});

const awsSecret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const scope = 'us-east-1/iam/aws4_request';

test('version 4 signs with a header', (t) => {
  const request: SignedRequest = {
    ...{ verb: 'POST', host: 'foo:8000', path: '/', params: {} },
    bodyHash: 'b6359072c78d70ebee1e81adcbab4f01bf2c23245fa365ef83fe8f1f955085e2',
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      'x-amz-date': '20110909T233600Z',
      host: 'foo:8000',
      authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20110909/${scope},SignedHeaders=content-type;host;x-amz-date,`,
    },
  };
  t.is(signatureOf(request, awsSecret), '26dd92ea79aaa49f533d13b1055acdcd7d7321460d64621f96cc79c4f4d4ab2b');
  t.is(signedAt(request), Date.UTC(2011, 8, 9, 23, 36));
  const aws = {
    ...request,
    headers: { ...request.headers, host: 'iam.amazonaws.com' },
    params: { 'X-Amz-Expires': '30' },
  };
  t.is(signatureOf(aws, awsSecret), 'ced6826de92d2bdeed8f846f0bf508e8559e98e4b0199114b84c54174deb456c');
  const otherDay = { ...request, headers: { ...request.headers, 'x-amz-date': '20110910T233600Z' } };
  t.throws(() => signatureOf(otherDay, awsSecret), { message: 'Invalid EC2 signature.' });
});

test('version 4 signs a query', (t) => {
  const request: SignedRequest = {
    ...{ verb: 'GET', host: 'iam.amazonaws.com', path: '/' },
    params: { Version: '2010-05-08', Action: 'ListUsers' },
    bodyHash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      host: 'iam.amazonaws.com',
      'x-amz-date': '20150830T123600Z',
      authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/${scope}, SignedHeaders=content-type;host;x-amz-date, Signature=none`,
    },
  };
  t.is(signatureOf(request, awsSecret), '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7');
  const digest = 'f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59';
  const stringToSign = `AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/${scope}\n${digest}`;
  t.is(signString(stringToSign, awsSecret), '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7');
});

test('what is not signed in a way we know is refused', (t) => {
  for (const params of [{}, { SignatureVersion: '3' }, { 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256' }])
    t.throws(() => signatureOf({ ...local, params: params as Record<string, string> }, secret), {
      message: 'Invalid EC2 signature.',
    });
  for (const text of [
    '',
    'AWS4-HMAC-SHA256\n\n\n',
    'AWS4-HMAC-SHA256\na\nb/c/s3/aws4_request/d\ne',
    'AWS3\na\nb/c/s3/aws4_request\ne',
  ])
    t.throws(() => signString(text, secret), { message: 'Invalid EC2 signature.' });
});
