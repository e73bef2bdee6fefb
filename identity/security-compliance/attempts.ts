import { hash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { TooManyRequests } from '../../common/errors.ts';

/** Somebody tries to log in: as whom, in the words of the request, and from where. */
export interface Attempt {
  account: string;
  address: string;
  /** Who that is, once it is known: they may be named by several words. */
  subject?: string | undefined;
  /** Counted apart from passwords, and also wherever it comes from: it has six digits only. */
  isPasscode?: boolean;
}

/**
 * How often logins failed of late, by account and address together and by address alone, in this process. Whoever failed
 * too often is refused before any password is looked at. An account is never counted by itself, but for passcodes: its owner,
 * who comes from elsewhere, must not be kept out by strangers (that is what lockout is for, where an operator wants it).
 */
export interface LoginAttempts {
  /** By the words of the request, so that the answer tells nothing of who is there. @throws TooManyRequests */
  check(attempt: Attempt): void;
  /**
   * Whether too many failed for who it is, by whatever words. To be answered like a wrong password, after the same work, or
   * the answer would tell which words are the same user's.
   */
  isBarred(attempt: Attempt): boolean;
  failed(attempt: Attempt): void;
  /** Who got in forgets the slips before it there; the address does not, or a guesser would log in as themselves in between. */
  succeeded(attempt: Attempt): void;
}

export interface AttemptLimits {
  /** Failures in a minute; 0: any number. */
  perAccount: number;
  perAddress: number;
  /** Wrong passcodes of a user in an hour, from all addresses; 0: any number. */
  passcodesPerUser?: number;
}

/** The most accounts, and the most addresses, that are remembered; the least recently failed go. */
const mostKept = 20_000;

export function limitAttempts(
  { perAccount, perAddress, passcodesPerUser = 0 }: AttemptLimits,
  now: () => number = () => performance.now(),
): LoginAttempts {
  const accounts = countFailures(perAccount, now);
  const subjects = countFailures(perAccount, now);
  const addresses = countFailures(perAddress, now);
  // Apart again, or what strangers name would push out what is counted for those who are there.
  const accountsAnywhere = countFailures(passcodesPerUser, now, 3600);
  const subjectsAnywhere = countFailures(passcodesPerUser, now, 3600);
  const isBarred = (attempt: Attempt) =>
    attempt.subject !== undefined &&
    (subjects.secondsToWait(subjectKey(attempt)) > 0 ||
      (attempt.isPasscode === true && subjectsAnywhere.secondsToWait(attempt.subject) > 0));
  return {
    isBarred,
    check(attempt) {
      const seconds = Math.max(
        accounts.secondsToWait(accountKey(attempt)),
        addresses.secondsToWait(network(attempt)),
        attempt.isPasscode ? accountsAnywhere.secondsToWait(digest(attempt.account)) : 0,
      );
      if (seconds > 0)
        throw new TooManyRequests(`Too many logins have failed; try again in ${seconds} seconds.`, seconds);
    },
    failed(attempt) {
      accounts.count(accountKey(attempt));
      addresses.count(network(attempt));
      if (attempt.isPasscode) accountsAnywhere.count(digest(attempt.account));
      if (attempt.subject === undefined || isBarred(attempt)) return;
      subjects.count(subjectKey(attempt));
      if (attempt.isPasscode) subjectsAnywhere.count(attempt.subject);
    },
    succeeded(attempt) {
      accounts.forget(accountKey(attempt));
      if (attempt.subject !== undefined) subjects.forget(subjectKey(attempt));
    },
  };
}

/** A pail that leaks: it holds `limit`, and loses as many in so many seconds. */
function countFailures(limit: number, now: () => number, seconds = 60) {
  const pails = new Map<string, { level: number; at: number }>();
  const levelOf = (key: string) => {
    const pail = pails.get(key);
    return pail ? Math.max(0, pail.level - ((now() - pail.at) / (seconds * 1000)) * limit) : 0;
  };
  return {
    secondsToWait(key: string): number {
      const excess = levelOf(key) + 1 - limit;
      return limit === 0 || excess <= 0 ? 0 : Math.ceil((excess / limit) * seconds);
    },
    count(key: string): void {
      if (limit === 0) return;
      const level = Math.min(levelOf(key) + 1, limit * 2);
      pails.delete(key); // to the end: the first are those that failed longest ago
      pails.set(key, { level, at: now() });
      if (pails.size > mostKept) pails.delete(pails.keys().next().value as string);
    },
    forget(key: string): void {
      pails.delete(key);
    },
  };
}

/** A digest, so that what is remembered is small whatever name somebody sends. */
function accountKey(attempt: Attempt): string {
  return digest(JSON.stringify([attempt.account, network(attempt), attempt.isPasscode === true]));
}

function subjectKey(attempt: Attempt): string {
  return digest(JSON.stringify([attempt.subject, network(attempt), attempt.isPasscode === true]));
}

function digest(text: string): string {
  return hash('sha256', text, 'base64');
}

/** One customer of an IPv6 provider has 2^64 addresses: they are one. */
function network({ address }: Attempt): string {
  const bare = address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
  if (!isIPv6(bare)) return bare;
  const [head = '', tail] = bare.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const last = tail?.split(':').filter((group) => group !== '') ?? [];
  while (groups.length + last.length < 8) groups.push('0');
  return [...groups, ...last]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
