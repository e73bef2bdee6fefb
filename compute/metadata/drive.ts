/** What goes on a server's config drive: the same as the metadata service tells, as it is when the drive is made. */
import type { Knex } from '../../common/database/database.ts';
import type { Logger } from '../../common/logger.ts';
import { configDrive, type DriveFiles } from '../servers/config-drive.ts';
import type { Server } from '../servers/server.ts';
import { factsOf } from './facts.ts';
import { askVendors, type VendorDataSettings } from './vendor-data.ts';

export interface DriveDeps {
  db: Knex;
  log: Logger;
  vendors: VendorDataSettings;
}

/** Null for a server without a drive. Vendors are asked once in its life: made again, the drive shall be the same. */
export async function driveOf({ db, log, vendors }: DriveDeps, server: Server): Promise<DriveFiles | null> {
  if (!server.hasConfigDrive) return null;
  const facts = await factsOf(db, server);
  let dynamic = facts.boot.vendorData;
  if (dynamic === null && vendors.targets.length > 0) {
    dynamic = await askVendors(vendors, log, server, facts.boot.userData);
    await db('server_boot_data')
      .where({ server_id: server.id })
      .update({ vendor_data: JSON.stringify(dynamic) });
  }
  // Floating addresses come and go while the drive stays.
  return configDrive({ ...facts, publicIpv4: '', vendorData: { fixed: vendors.fixed, dynamic: dynamic ?? {} } });
}
