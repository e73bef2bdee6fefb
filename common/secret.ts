import { timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/** A value that cannot be logged, printed or serialised by accident: it shows as `***` everywhere but in `reveal()`. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The value itself; call it only where it leaves for the one place that needs it. */
  reveal(): string {
    return this.#value;
  }
  equals(other: string): boolean {
    return secretsEqual(this.#value, other);
  }
  toString(): string {
    return '***';
  }
  toJSON(): string {
    return '***';
  }
  [inspect.custom](): string {
    return '***';
  }
}

/** Compares in a time that depends on neither content nor position of a difference; only the length shows. */
export function secretsEqual(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
