import { authenticated, definePolicy, projectAdmin, projectMember, projectReader } from '../../common/policy/rules.ts';

const project = ['project'] as const;

/** Glance's rule names with its defaults. Which images they reach is the store's business: a rule sees no row. */
export const imagePolicy = definePolicy({
  add_image: projectMember('Create an image'),
  get_image: projectReader('Show an image'),
  get_images: projectReader('List images'),
  modify_image: projectMember('Change an image, its tags included'),
  publicize_image: { check: 'rule:context_is_admin', scopes: project, description: 'Make an image public' },
  communitize_image: projectMember('Offer an image to the community'),
  delete_image: projectMember('Delete an image'),
  upload_image: projectMember('Upload the data of an image'),
  download_image: projectReader('Download the data of an image'),
  add_member: projectMember('Share an image with a project'),
  get_member: projectReader('Show a project that an image is shared with'),
  get_members: projectReader('List the projects that an image is shared with'),
  modify_member: projectMember('Accept or reject a shared image'),
  delete_member: projectMember('Share an image with a project no longer'),
  deactivate: projectMember('Keep the data of an image from everybody but administrators'),
  reactivate: projectMember('Give the data of an image out again'),
  copy_image: projectAdmin('Copy the data of an image to further stores'),
  delete_image_location: projectAdmin('Remove the data of an image from a store that is not the only one to have it'),
  stores_info_detail: projectAdmin('Read what the stores of images are'),
  get_image_usage: projectReader('Read how much the project has of images, and how much it may have'),
  get_image_schema: authenticated('Read the schemas and the import methods'),
});
