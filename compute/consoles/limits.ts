/** Numbers of consoles that a site may want to change one day; each says its unit. */
export const consoleLimits = {
  /** How often open consoles are looked at: whether they may be, and whether anybody is there. */
  lookEverySeconds: 20,
  /** A console that its process has not told of for so long is over. */
  lostAfterSeconds: 90,
  /** Addresses that nobody used yet. */
  unusedPerUser: 100,
  /** Of one message of a client: the largest that makes sense is a text pasted into a screen. */
  messageBytes: 1024 * 1024,
  /** How long the agent of another host may take until it is here. */
  arrivalSeconds: 15,
} as const;
