import test from 'ava';
import { Conflict, NotFound, PermanentFailure, Unavailable } from '../../../common/errors.ts';
import { DiskFull } from '../driver.ts';
import { errorCode, explain, LibvirtError } from './errors.ts';

const secret = '/var/lib/somewhere: qemu-system-x86_64: no';
const explained = (code: number, message = secret) =>
  explain(new LibvirtError({ code, message }), 'start server s', 's');

test('failures of libvirt become ours by whether trying again can help', (t) => {
  t.true(explained(errorCode.noDomain) instanceof NotFound);
  t.true(explained(errorCode.operationInvalid) instanceof Conflict);
  t.true(explained(errorCode.configUnsupported) instanceof PermanentFailure);
  t.true(explained(errorCode.xml) instanceof PermanentFailure);
  t.true(explained(1) instanceof Unavailable);
  t.true(explained(1, `${secret}: No space left on device`) instanceof DiskFull);
  t.true(explained(1, `${secret}: Cannot allocate memory`) instanceof PermanentFailure);
});

test('a user is never told what libvirt said; the operator finds it in the cause', (t) => {
  for (const code of [1, 8, 27, 42, 55, 67]) {
    const error = explained(code);
    t.notRegex(error.message, /qemu|\/var/);
    t.true((error.cause as Error).message.includes(secret));
  }
});

test('what is not of libvirt is a bug, and stays as it is', (t) => {
  const bug = new TypeError('bug');
  t.is(
    t.throws(() => explain(bug, 'do')),
    bug,
  );
});
