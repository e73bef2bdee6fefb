/** SSH keys: reading what users bring, and making one for those who have none. Pure but for the random source. */
import { createHash, generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { BadRequest } from '../../common/errors.ts';

export interface Keypair {
  /** The number that Nova's API shows as `id`. */
  number: number;
  userId: string;
  name: string;
  /** One line, as in `authorized_keys`. */
  publicKey: string;
  /** MD5 in pairs, as Nova and `ssh-keygen -E md5` print it. */
  fingerprint: string;
  createdAt: Date;
}

const types = new Set([
  'ssh-rsa',
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]);

/**
 * Checks a public key of OpenSSH's form and gives its fingerprint. Throws `BadRequest`. One line only: a second one would
 * become a second, unseen key in a guest's `authorized_keys`.
 */
export function readPublicKey(text: string): { publicKey: string; fingerprint: string } {
  const publicKey = text.trim();
  const invalid = () => new BadRequest('Keypair data is invalid: failed to generate fingerprint');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
  if (/[\u0000-\u001f\u007f]/.test(publicKey)) throw invalid();
  const [type = '', body = ''] = publicKey.split(' ');
  if (!types.has(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(body)) throw invalid();
  const blob = Buffer.from(body, 'base64');
  if (!isWhole(type, blob)) throw invalid();
  const digest = createHash('md5').update(blob).digest('hex');
  return { publicKey, fingerprint: digest.match(/../g)!.join(':') };
}

/** A new Ed25519 pair in OpenSSH's own formats; the private half is shown once and kept nowhere. */
export async function generateSshKeypair(comment: string): Promise<{ publicKey: string; privateKey: string }> {
  const pair = await promisify(generateKeyPair)('ed25519');
  const { x = '', d = '' } = pair.privateKey.export({ format: 'jwk' });
  const publicBytes = Buffer.from(x, 'base64url');
  const blob = Buffer.concat([sshString('ssh-ed25519'), sshString(publicBytes)]);
  const privateKey = opensshPrivateKey(blob, publicBytes, Buffer.from(d, 'base64url'), comment);
  return { publicKey: `ssh-ed25519 ${blob.toString('base64')} ${comment}`, privateKey };
}

/** PROTOCOL.key of OpenSSH: "openssh-key-v1", no cipher, one key, a check number twice, padded 1, 2, 3 … to 8 bytes. */
function opensshPrivateKey(publicBlob: Buffer, publicBytes: Buffer, seed: Buffer, comment: string): string {
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    sshString('ssh-ed25519'),
    sshString(publicBytes),
    sshString(Buffer.concat([seed, publicBytes])),
    sshString(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    sshString('none'),
    sshString('none'),
    sshString(''),
    one,
    sshString(publicBlob),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g)!;
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

function sshString(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Points of the curves that SSH knows: 4, and both coordinates. */
const pointBytes: Readonly<Record<string, number>> = { nistp256: 65, nistp384: 97, nistp521: 133 };

/**
 * Whether a key is what its type says (RFC 4253, 5656, 8709; PROTOCOL.u2f of OpenSSH), to its last byte: `sshd` would skip a
 * damaged one without a word, and nobody could log in.
 */
function isWhole(type: string, blob: Buffer): boolean {
  const fields = readStrings(blob);
  const [name, first, second, third, ...more] = fields ?? [];
  if (name?.toString() !== type || more.length > 0) return false;
  const curve = /ecdsa-sha2-(\w+)/.exec(type)?.[1];
  const isHardware = type.startsWith('sk-'); // its last field names the application
  if (curve !== undefined)
    return (
      first?.toString() === curve &&
      second?.length === pointBytes[curve] &&
      second?.[0] === 4 &&
      (third !== undefined) === isHardware
    );
  if (type === 'ssh-rsa')
    return (
      third === undefined && (first?.length ?? 0) > 0 && (second?.length ?? 0) >= 128 && (second?.length ?? 0) <= 2049
    );
  return first?.length === 32 && (second !== undefined) === isHardware && third === undefined;
}

/** Undefined when the last one is cut off. */
function readStrings(blob: Buffer): Buffer[] | undefined {
  const found: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    found.push(blob.subarray(at + 4, end));
    at = end;
  }
  return found;
}
