import { type Static, Type } from 'typebox';
import { since } from '../../../common/http/microversion.ts';
import { validator } from '../../../common/http/validate.ts';
import { definePolicy, projectAdmin, projectMember } from '../../../common/policy/rules.ts';
import { forceDeleteServer, restoreServer } from '../../servers/deletion.ts';
import { resetState } from '../../servers/labels.ts';
import { lockServerAgainstChanges, unlockServer } from '../../servers/locks.ts';
import { closed } from '../fields.ts';
import { Anything, action } from './action.ts';

export const stateActionPolicy = definePolicy({
  'os_compute_api:os-lock-server:lock': projectMember('Lock a server'),
  'os_compute_api:os-lock-server:unlock': projectMember('Unlock a server'),
  'os_compute_api:os-deferred-delete:force': projectMember('Delete a server at once'),
  'os_compute_api:os-deferred-delete:restore': projectMember('Restore a deleted server'),
  'os_compute_api:os-admin-actions:reset_state': projectAdmin('Say what state a server is in'),
});

const LockReason = Type.Union([
  Type.Null(),
  Type.Object({ locked_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) }, closed),
]);

export const stateActions = {
  lock: action({
    rule: stateActionPolicy['os_compute_api:os-lock-server:lock'],
    value: Anything,
    async run({ deps, ctx, id, value, version }) {
      await lockServerAgainstChanges(deps, ctx, id, since(version, 2, 73) ? lockedReason(value) : null);
    },
  }),
  unlock: action({
    rule: stateActionPolicy['os_compute_api:os-lock-server:unlock'],
    value: Anything,
    run: ({ deps, ctx, id }) => unlockServer(deps, ctx, id),
  }),
  forceDelete: action({
    rule: stateActionPolicy['os_compute_api:os-deferred-delete:force'],
    value: Anything,
    run: ({ deps, ctx, id }) => forceDeleteServer(deps, ctx, id),
  }),
  restore: action({
    rule: stateActionPolicy['os_compute_api:os-deferred-delete:restore'],
    value: Anything,
    run: ({ deps, ctx, id }) => restoreServer(deps, ctx, id),
  }),
  'os-resetState': action({
    rule: stateActionPolicy['os_compute_api:os-admin-actions:reset_state'],
    value: Type.Object({ state: Type.Union([Type.Literal('active'), Type.Literal('error')]) }, closed),
    run: ({ deps, ctx, id, value }) => resetState(deps, ctx, id, value.state),
  }),
};

const checkReason = validator(LockReason, 'body');

/** Before 2.73 anything may stand there and means nothing; from then on only a reason. */
function lockedReason(value: unknown): string | null {
  return (checkReason(value) as Static<typeof LockReason>)?.locked_reason ?? null;
}
