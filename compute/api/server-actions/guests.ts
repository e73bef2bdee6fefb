/** Actions that are asked of the guest itself. */
import { Type } from 'typebox';
import { definePolicy, projectMember } from '../../../common/policy/rules.ts';
import { changePassword, triggerCrashDump } from '../../servers/guest-requests.ts';
import { AdminPass, closed } from '../fields.ts';
import { action } from './action.ts';

export const guestActionPolicy = definePolicy({
  'os_compute_api:os-admin-password': projectMember('Change the password of the administrator of a server'),
  'os_compute_api:servers:trigger_crash_dump': projectMember('Have a server dump what its kernel knows'),
});

export const guestActions = {
  changePassword: action({
    rule: guestActionPolicy['os_compute_api:os-admin-password'],
    value: Type.Object({ adminPass: AdminPass }, closed),
    run: ({ deps, ctx, id, value }) => changePassword(deps, ctx, id, value.adminPass),
  }),
  trigger_crash_dump: action({
    rule: guestActionPolicy['os_compute_api:servers:trigger_crash_dump'],
    value: Type.Null(),
    from: [2, 17],
    run: ({ deps, ctx, id }) => triggerCrashDump(deps, ctx, id),
  }),
};
