/**
 * Loaded into ava before it starts. Its reporter for the Test Anything Protocol (8.1) breaks down, and with it every test after, on
 * errors with a property that is undefined and on tests that took too long: just when one wants to read what went wrong.
 */
import { createRequire } from 'node:module';

const fromAva = createRequire(createRequire(import.meta.url).resolve('ava'));
const yaml = createRequire(fromAva.resolve('supertap'))('js-yaml');
const { safeDump } = yaml;
/** What cannot be written in YAML is left out. */
yaml.safeDump = (value: unknown, options: object) => safeDump(value, { ...options, skipInvalid: true });

// It takes every error for one that came from a test's process; the one of a test that took too long is its own.
Object.defineProperties(Error.prototype, {
  originalError: {
    get: function own(this: Error) {
      return this;
    },
    configurable: true,
  },
  formattedDetails: { value: [], writable: true, configurable: true },
});
