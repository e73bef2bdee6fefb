/** Of a key whose private half nobody has kept. */
export const publicKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDHdtxybCW9c84IbvDdgDEyWV2vEAjbzhLsS9FaxjF2 owner-matrix';
