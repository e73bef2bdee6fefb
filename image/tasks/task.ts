export const taskStatuses = ['pending', 'processing', 'success', 'failure'] as const;
export type TaskStatus = (typeof taskStatuses)[number];

export const importMethods = ['glance-direct', 'web-download', 'copy-image'] as const;

export type ImportMethod = { name: 'glance-direct' } | { name: 'web-download'; uri: string } | { name: 'copy-image' };

/** An import, or a copying to further stores, as it was asked for, and how far it is. */
export interface Task {
  id: string;
  /** The project that asked. */
  owner: string;
  userId: string;
  requestId: string;
  imageId: string;
  method: ImportMethod;
  /** Where the data is to be in the end. */
  stores: string[];
  /** Whether one of them without it is a failure of the whole, or only none with it. */
  allStoresMustSucceed: boolean;
  /** What the operator has put on images that users import, as it was when this was asked for. */
  injectProperties: Record<string, string>;
  status: TaskStatus;
  /** How far it is, or why it failed. */
  message: string;
  /** How often it was begun. */
  attempts: number;
  createdAt: Date;
  updatedAt: Date;
  /** When it is forgotten; null until it has ended. */
  expiresAt: Date | null;
}

/** Glance's default task_time_to_live. */
export const hoursToLive = 48;

export const isOpen = ({ status }: Task): boolean => status === 'pending' || status === 'processing';
