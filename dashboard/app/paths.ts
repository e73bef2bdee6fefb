/** Where everything is: the only place that puts addresses together. Ids are encoded, for some are chosen by users. */
export const paths = {
  overview: '/',
  logIn: '/log-in',
  singleSignOn: '/sso',
  createServer: '/servers/new',
  server: (id: string) => `/servers/${encodeURIComponent(id)}`,
  serverConsole: (id: string, show: 'screen' | 'serial' = 'screen') =>
    `/servers/${encodeURIComponent(id)}/console${show === 'serial' ? '?show=serial' : ''}`,
  createContainer: '/containers/new',
  container: (id: string) => `/containers/${encodeURIComponent(id)}`,
  networks: '/networks',
  createNetwork: '/networks/new',
  routers: '/routers',
  floatingIps: '/floating-ips',
  securityGroups: '/security-groups',
  securityGroup: (id: string) => `/security-groups/${encodeURIComponent(id)}`,
  images: '/images',
  uploadImage: '/images/new',
  keypairs: '/keypairs',
} as const;
