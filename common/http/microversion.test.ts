import test from 'ava';
import { BadRequest } from '../errors.ts';
import { type Microversions, NotAcceptable, negotiate, since, versionHeaders } from './microversion.ts';

const compute: Microversions = {
  service: 'compute',
  legacyHeader: 'x-openstack-nova-api-version',
  min: [2, 1],
  max: [2, 5],
};

test('the oldest version is used unless another is asked for', (t) => {
  t.deepEqual(negotiate({}, compute), [2, 1]);
  t.deepEqual(negotiate({ 'openstack-api-version': 'compute 2.3' }, compute), [2, 3]);
  t.deepEqual(negotiate({ 'x-openstack-nova-api-version': '2.4' }, compute), [2, 4]);
  t.deepEqual(negotiate({ 'openstack-api-version': 'compute latest' }, compute), [2, 5]);
  t.deepEqual(negotiate({ 'openstack-api-version': 'volume 3.0, compute 2.2' }, compute), [2, 2]);
  t.deepEqual(negotiate({ 'openstack-api-version': 'volume 3.0' }, compute), [2, 1]);
});

test('unsupported versions are 406 and unreadable ones 400', (t) => {
  for (const version of ['2.6', '2.0', '3.1'])
    t.throws(() => negotiate({ 'openstack-api-version': `compute ${version}` }, compute), {
      instanceOf: NotAcceptable,
    });
  for (const version of ['2', 'two', '2.01', '-2.1', '2.1.1'])
    t.throws(() => negotiate({ 'openstack-api-version': `compute ${version}` }, compute), { instanceOf: BadRequest });
});

test('the answer tells what was used', (t) => {
  t.deepEqual(versionHeaders([2, 3], compute), {
    'openstack-api-version': 'compute 2.3',
    'x-openstack-nova-api-version': '2.3',
    vary: 'OpenStack-API-Version, x-openstack-nova-api-version',
  });
  t.true(since([2, 10], 2, 9));
  t.false(since([2, 2], 2, 9));
});
