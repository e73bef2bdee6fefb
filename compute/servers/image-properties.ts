/**
 * What images say of the machine that runs them (docs.openstack.org/glance, "Useful image properties"). A server keeps what its
 * image said when it was made or rebuilt, whatever becomes of the image. Pure.
 */
import { isYes } from '../../common/truth.ts';

export type ImageProperties = Readonly<Record<string, string>>;

/** A user may name the grace; a guest that does not obey must not keep its host waiting for longer. */
const longestShutdownSeconds = 300;

/** About the image alone: its signature and key, how it is carried and kept, and of which backups it was one. */
const ofTheImageAlone =
  /^(os_glance.*|img_signature.*|cinder_encryption_key_.*|cache_in_nova|bittorrent|(img_)?mappings|(img_)?block_device_mapping|backup_type)$/;

/**
 * Those that hold for whatever is made of the image: a server, and images of that (nova/compute/utils.py,
 * `initialize_instance_snapshot_metadata`).
 */
export function inheritableProperties(properties: ImageProperties): ImageProperties {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !ofTheImageAlone.test(name)));
}

/** QEMU's guest agent runs in it. */
export function hasGuestAgent({ hw_qemu_guest_agent: value }: ImageProperties): boolean {
  return isYes(value);
}

/** No image is made of it unless its file systems can be held still. */
export function mustQuiesce({ os_require_quiesce: value }: ImageProperties): boolean {
  return isYes(value);
}

/** Whose password `changePassword` changes. */
export function adminUserOf({ os_admin_user: user, os_type: type }: ImageProperties): string {
  return user || (type === 'windows' ? 'Administrator' : 'root');
}

/** How long it may take to shut down; undefined where the image does not say. */
export function shutdownSecondsOf({ os_shutdown_timeout: value = '' }: ImageProperties): number | undefined {
  return /^\d{1,9}$/.test(value) ? Math.min(Number(value), longestShutdownSeconds) : undefined;
}
