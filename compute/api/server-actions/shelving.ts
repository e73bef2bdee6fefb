/** Actions that put servers away as images and bring them back (nova/api/openstack/compute/shelve.py). */
import { type Static, Type } from 'typebox';
import { since, type Version } from '../../../common/http/microversion.ts';
import { validator } from '../../../common/http/validate.ts';
import { definePolicy, projectAdmin, projectMember } from '../../../common/policy/rules.ts';
import {
  offloadServer,
  shelveServer,
  shelvingPolicy,
  type UnshelvePlace,
  unshelveServer,
} from '../../servers/shelving.ts';
import { closed, HostName, Name } from '../fields.ts';
import { Anything, action } from './action.ts';

export const shelvingActionPolicy = {
  ...definePolicy({
    'os_compute_api:os-shelve:shelve': projectMember('Shelve a server'),
    'os_compute_api:os-shelve:shelve_offload': projectAdmin('Have a shelved server give up its host'),
    'os_compute_api:os-shelve:unshelve': projectMember('Let a shelved server run again'),
  }),
  ...shelvingPolicy,
};

export const shelvingActions = {
  shelve: action({
    rule: shelvingActionPolicy['os_compute_api:os-shelve:shelve'],
    value: Anything,
    run: ({ deps, ctx, id }) => shelveServer(deps, ctx, id),
  }),
  shelveOffload: action({
    rule: shelvingActionPolicy['os_compute_api:os-shelve:shelve_offload'],
    value: Anything,
    run: ({ deps, ctx, id }) => offloadServer(deps, ctx, id),
  }),
  unshelve: action({
    rule: shelvingActionPolicy['os_compute_api:os-shelve:unshelve'],
    value: Anything,
    run: ({ deps, ctx, id, value, version }) => unshelveServer(deps, ctx, id, placeOf(version, value)),
  }),
};

const InZone = Type.Union([Type.Null(), Type.Object({ availability_zone: Name }, closed)]);
const InZoneOrOnHost = Type.Union([
  Type.Null(),
  Type.Object(
    {
      availability_zone: Type.Optional(Type.Union([Type.Null(), Type.String({ maxLength: 255 })])),
      host: Type.Optional(HostName),
    },
    closed,
  ),
]);
const checkZone = validator(InZone, 'body');
const checkZoneOrHost = validator(InZoneOrOnHost, 'body');

/** Before 2.77 anything may stand there and means nothing. */
function placeOf(version: Version, value: unknown): UnshelvePlace {
  if (!since(version, 2, 77)) return {};
  if (!since(version, 2, 91)) {
    const asked = checkZone(value) as Static<typeof InZone>;
    return asked === null ? {} : { zone: asked.availability_zone };
  }
  const asked = (checkZoneOrHost(value) as Static<typeof InZoneOrOnHost>) ?? {};
  return {
    ...(asked.availability_zone !== undefined && { zone: asked.availability_zone }),
    ...(asked.host !== undefined && { hostName: asked.host }),
  };
}
