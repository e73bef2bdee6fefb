/**
 * The doors by which guests reach the metadata service: one for each network that has guests on this host. A guest that asks
 * 169.254.169.254 is answered by its own host, and is known by the network whose door it came through and by its address there,
 * of which OVN lets it send from no other. Nothing that it sends says who it is.
 */

/** A request as it came through the door of a network. */
export interface MetadataRequest {
  networkId: string;
  /** The guest's, in the form that `inet` of the database prints. */
  address: string;
  method: string;
  /** As it was sent, with its query. */
  url: string;
  body: Buffer;
}

export interface MetadataAnswer {
  status: number;
  contentType: string;
  body: string | Buffer;
}

/** Never throws for what a guest sends. */
export type AnswerMetadata = (request: MetadataRequest) => Promise<MetadataAnswer>;

export interface MetadataDoor {
  networkId: string;
  /** Of the network, in bytes. */
  mtu: number;
}

export interface MetadataDriver {
  /** Who answers, from now on; until then guests are told to come again. */
  serve(answer: AnswerMetadata): void;
  /** Whether it is open as specified, as far as this process knows: costs nothing. */
  isOpen(door: MetadataDoor): boolean;
  /** The networks whose doors this process answers at: costs nothing. */
  answered(): string[];
  /** Makes the door as specified, or finds it so, and answers at it. */
  open(door: MetadataDoor): Promise<void>;
  /** Takes the door off the host, whoever made it. Absent is success. */
  remove(networkId: string): Promise<void>;
  /** Every network of which something is on this host; those whose door turned out not to be whole are not open any more. */
  list(): Promise<string[]>;
  /** Stops answering. The doors stay, for whoever comes next. */
  close(): Promise<void>;
}
