import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Secret } from '../common/secret.ts';

/** What is kept sealed, each under a key of its own, so that one kind's text never opens as another's. */
export type Purpose = 'token keys' | 'credentials' | 'federation' | 'oauth1' | 'domain configuration' | 'answers';

/** Encrypts for the database: AES-256-GCM, as 12 bytes of nonce, 16 of tag, then the text, in base64. */
export function seal(text: string, master: Secret, purpose: Purpose): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyFrom(master, purpose), nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** Throws when the text was altered, or sealed with another master key or for another purpose. */
export function unseal(sealed: string, master: Secret, purpose: Purpose): string {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', keyFrom(master, purpose), bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
}

function keyFrom(master: Secret, purpose: Purpose): Buffer {
  return Buffer.from(hkdfSync('sha256', Buffer.from(master.reveal(), 'hex'), '', `cirrostack ${purpose}`, 32));
}
