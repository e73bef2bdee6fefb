/** Signatures of requests to EC2 and S3 interfaces, versions 0, 1, 2 and 4, as python-keystoneclient makes them (contrib/ec2). */
import { createHash, createHmac } from 'node:crypto';
import { Unauthorized } from '../../common/errors.ts';

/** A request that somebody signed, as the service that got it describes it. */
export interface SignedRequest {
  verb: string;
  host: string;
  path: string;
  params: Record<string, string>;
  /** By their names in lower case. */
  headers: Record<string, string>;
  /** SHA-256 of the body, in hexadecimal; for version 4. */
  bodyHash: string;
}

const invalid = (cause: string) => new Unauthorized('Invalid EC2 signature.', { cause });

/** The signature that `secret` gives this request. Throws `Unauthorized` for a request that cannot be signed. */
export function signatureOf(request: SignedRequest, secret: string): string {
  const { params } = request;
  switch (params.SignatureVersion) {
    case '0':
      return hmac('sha1', secret, `${params.Action ?? ''}${params.Timestamp ?? ''}`);
    case '1':
      return hmac('sha1', secret, concatenated(params));
    case '2':
      return signatureOfVersion2(request, secret);
    default:
      return signatureOfVersion4(request, secret);
  }
}

/** When it was signed, in milliseconds since 1970. Throws `Unauthorized` when it does not say: it could be replayed for ever. */
export function signedAt({ params, headers }: SignedRequest): number {
  const text = isVersion4({ params, headers }) ? (headers['x-amz-date'] ?? params['X-Amz-Date']) : params.Timestamp;
  const basic = text?.match(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/);
  const iso = basic ? `${basic.slice(1, 4).join('-')}T${basic.slice(4).join(':')}Z` : text;
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(iso ?? '')
    ? Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(iso ?? '') ? `${iso}` : `${iso}Z`)
    : NaN;
  if (Number.isNaN(at)) throw invalid('no time');
  return at;
}

function isVersion4({ params, headers }: Pick<SignedRequest, 'params' | 'headers'>): boolean {
  return (
    params.SignatureVersion === undefined &&
    (isAlgorithm4(headers.authorization) || isAlgorithm4(params['X-Amz-Algorithm']))
  );
}

const isAlgorithm4 = (text: string | undefined) => text?.startsWith('AWS4-HMAC-SHA256') === true;

function concatenated(params: Record<string, string>): string {
  const keys = Object.keys(params).toSorted((a, b) => compare(a.toLowerCase(), b.toLowerCase()));
  return keys.map((key) => `${key}${params[key]}`).join('');
}

function signatureOfVersion2({ verb, host, path, params }: SignedRequest, secret: string): string {
  const query = canonicalQuery({ ...params, SignatureMethod: 'HmacSHA256' });
  return hmac('sha256', secret, `${verb}\n${host}\n${path}\n${query}`);
}

function signatureOfVersion4(request: SignedRequest, secret: string): string {
  const { verb, path, params, headers, bodyHash } = request;
  if (!isVersion4(request)) throw invalid('unknown version');
  const part = (name: string): string => {
    const given = headers.authorization?.match(new RegExp(`[ ,]${name}=([^,\\s]+)`))?.[1];
    const value = headers.authorization === undefined ? params[`X-Amz-${name}`] : given;
    if (value === undefined) throw invalid(`no ${name}`);
    return value;
  };
  const [, day = '', region = '', service = '', end] = part('Credential').split('/');
  const date = headers['x-amz-date'] ?? params['X-Amz-Date'] ?? '';
  if (end !== 'aws4_request' || day === '' || !date.startsWith(day)) throw invalid('date and scope differ');
  const signed = part('SignedHeaders');
  const names = signed.split(';').filter((name) => headers[name] !== undefined);
  const { 'X-Amz-Signature': _itself, ...others } = params;
  const canonical = [
    verb.toUpperCase(),
    path,
    verb.toUpperCase() === 'POST' ? '' : canonicalQuery(others),
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    signed,
    bodyHash,
  ].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  return signString(`AWS4-HMAC-SHA256\n${date}\n${[day, region, service, end].join('/')}\n${digest}`, secret);
}

/** The signature of a string to sign of version 4, whose third line is the scope of the key. Throws `Unauthorized`. */
export function signString(stringToSign: string, secret: string): string {
  const [algorithm, , scope = '', , ...more] = stringToSign.split('\n');
  const [day = '', region = '', service = '', end = '', ...rest] = scope.split('/');
  if (algorithm !== 'AWS4-HMAC-SHA256' || more.length > 0 || rest.length > 0 || end !== 'aws4_request')
    throw invalid('no string to sign');
  let key: Buffer | string = `AWS4${secret}`;
  for (const step of [day, region, service, end]) key = createHmac('sha256', key).update(step).digest();
  return createHmac('sha256', key).update(stringToSign).digest('hex');
}

/** Sorted, and encoded as RFC 3986 has it. */
function canonicalQuery(params: Record<string, string>): string {
  return Object.keys(params)
    .toSorted(compare)
    .map((key) => `${encoded(key)}=${encoded(params[key] ?? '')}`)
    .join('&');
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

function hmac(algorithm: 'sha1' | 'sha256', secret: string, text: string): string {
  return createHmac(algorithm, secret).update(text).digest('base64');
}
