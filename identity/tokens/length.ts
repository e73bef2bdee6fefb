/** Most characters of a token. The server takes headers in which it stands twice, as when somebody ends their own. */
export const longestToken = 14 * 1024;

/** The same of one from another identity provider, which says its groups; what it is exchanged for says a scope and roles besides. */
export const longestFederatedToken = 12 * 1024;
