import test from 'ava';
import {
  computeDialect,
  containerDialect,
  identityDialect,
  imageDialect,
  networkDialect,
} from '../../../common/http/dialect.ts';
import { messageIn } from './failure.ts';

test('the message of every service is found in its own kind of error body', (t) => {
  const failure = { status: 409, message: 'The network is in use.', type: 'NetworkInUse', requestId: 'req-1' };
  for (const dialect of [computeDialect, containerDialect, identityDialect, imageDialect, networkDialect])
    t.is(messageIn(JSON.parse(JSON.stringify(dialect(failure)))), failure.message, JSON.stringify(dialect(failure)));
});

test('what is no error body has no message', (t) => {
  for (const body of [null, undefined, 'text', [], {}, { errors: [] }, { message: 5 }])
    t.is(messageIn(body), undefined);
});
