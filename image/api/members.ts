import { Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { isoSeconds } from '../../common/http/time.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { imagePolicy } from '../images/policy.ts';
import { addMember, answerShare, deleteMember, showMember, showMembers } from '../members/operations.ts';
import type { Member } from '../members/store.ts';

const AddMember = Type.Object({ member: Type.String({ minLength: 1, maxLength: 255 }) });
const AnswerShare = Type.Object({ status: Type.Enum(['pending', 'accepted', 'rejected']) });

function memberView(member: Member) {
  return {
    member_id: member.projectId,
    image_id: member.imageId,
    status: member.status,
    created_at: isoSeconds(member.createdAt),
    updated_at: isoSeconds(member.updatedAt),
    schema: '/v2/schemas/member',
  };
}

export const memberRoutes = ({ db }: ImageModuleDeps) => [
  route({
    method: 'GET',
    path: '/v2/images/{image_id}/members',
    rule: imagePolicy.get_members,
    summary: 'List the projects that an image is shared with',
    status: 200,
    async handler({ ctx, params }) {
      const members = await showMembers(db, ctx, params.image_id!);
      return { members: members.map(memberView), schema: '/v2/schemas/members' };
    },
  }),
  route({
    method: 'POST',
    path: '/v2/images/{image_id}/members',
    rule: imagePolicy.add_member,
    summary: 'Share an image with a project',
    body: AddMember,
    status: 200,
    handler: async ({ ctx, params, body }) => memberView(await addMember(db, ctx, params.image_id!, body.member)),
  }),
  route({
    method: 'GET',
    path: '/v2/images/{image_id}/members/{member_id}',
    rule: imagePolicy.get_member,
    summary: 'Show a project that an image is shared with',
    status: 200,
    handler: async ({ ctx, params }) => memberView(await showMember(db, ctx, params.image_id!, params.member_id!)),
  }),
  route({
    method: 'PUT',
    path: '/v2/images/{image_id}/members/{member_id}',
    rule: imagePolicy.modify_member,
    summary: 'Accept or reject a shared image',
    body: AnswerShare,
    status: 200,
    handler: async ({ ctx, params, body }) =>
      memberView(await answerShare(db, ctx, params.image_id!, params.member_id!, body.status)),
  }),
  route({
    method: 'DELETE',
    path: '/v2/images/{image_id}/members/{member_id}',
    rule: imagePolicy.delete_member,
    summary: 'Share an image with a project no longer',
    status: 204,
    async handler({ ctx, params }, h) {
      await deleteMember(db, ctx, params.image_id!, params.member_id!);
      return noContent(h);
    },
  }),
];
