import { definePolicy, projectAdmin, projectReader } from '../../common/policy/rules.ts';

const write = (description: string) =>
  ({ check: 'rule:metadef_admin', scopes: ['project'] as const, description }) as const;

/**
 * Glance's rule names with its defaults (glance/policies/metadef.py): readers read what is public or their project's, and
 * administrators write. Which namespaces they reach is the store's business: a rule sees no row.
 */
export const metadefPolicy = definePolicy({
  metadef_admin: projectAdmin('Write metadata definitions: what all rules of writing them refer to'),
  get_metadef_namespace: projectReader('Show a namespace of metadata definitions'),
  get_metadef_namespaces: projectReader('List namespaces of metadata definitions'),
  add_metadef_namespace: write('Create a namespace of metadata definitions'),
  modify_metadef_namespace: write('Change a namespace of metadata definitions'),
  delete_metadef_namespace: write('Delete a namespace of metadata definitions, or all objects or properties in it'),
  get_metadef_object: projectReader('Show an object of a namespace'),
  get_metadef_objects: projectReader('List the objects of a namespace'),
  add_metadef_object: write('Define an object in a namespace'),
  modify_metadef_object: write('Change an object of a namespace'),
  delete_metadef_object: write('Delete an object of a namespace'),
  get_metadef_property: projectReader('Show a property of a namespace'),
  get_metadef_properties: projectReader('List the properties of a namespace'),
  add_metadef_property: write('Define a property in a namespace'),
  modify_metadef_property: write('Change a property of a namespace'),
  remove_metadef_property: write('Delete a property of a namespace'),
  list_metadef_resource_types: projectReader('List the types of things that properties are for'),
  get_metadef_resource_type: projectReader('List the types of things that a namespace is for'),
  add_metadef_resource_type_association: write('Say that a namespace is for a type of things'),
  remove_metadef_resource_type_association: write('Say no longer that a namespace is for a type of things'),
  get_metadef_tag: projectReader('Show a tag of a namespace'),
  get_metadef_tags: projectReader('List the tags of a namespace'),
  add_metadef_tag: write('Define a tag in a namespace'),
  add_metadef_tags: write('Define the tags of a namespace'),
  modify_metadef_tag: write('Change a tag of a namespace'),
  delete_metadef_tag: write('Delete a tag of a namespace'),
  delete_metadef_tags: write('Delete all tags of a namespace; needs the right to delete the namespace, too'),
});
