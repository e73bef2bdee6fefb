import { Link, Navigate, Outlet, Route, Routes, useLocation } from 'react-router';
import { ContainerPage } from './containers/container-page.tsx';
import { CreateContainerPage } from './containers/create-container-page.tsx';
import { FloatingIpsPage } from './floating-ips/floating-ips-page.tsx';
import { ImagesPage } from './images/images-page.tsx';
import { UploadImagePage } from './images/upload-image-page.tsx';
import { KeypairsPage } from './keypairs/keypairs-page.tsx';
import { CreateNetworkPage } from './networks/create-network-page.tsx';
import { NetworksPage } from './networks/networks-page.tsx';
import { OverviewPage } from './overview/overview-page.tsx';
import { Page } from './parts/page.tsx';
import { paths } from './paths.ts';
import { RoutersPage } from './routers/routers-page.tsx';
import { SecurityGroupPage } from './security-groups/security-group-page.tsx';
import { SecurityGroupsPage } from './security-groups/security-groups-page.tsx';
import { CreateServerPage } from './servers/create-server-page.tsx';
import { ServerConsolePage } from './servers/server-console-page.tsx';
import { ServerPage } from './servers/server-page.tsx';
import { LogInPage } from './session/log-in-page.tsx';
import { useSessionState } from './session/session-provider.tsx';
import { SingleSignOnPage } from './session/single-sign-on-page.tsx';
import { Shell } from './shell.tsx';

/** The site map. */
export function Site() {
  return (
    <Routes>
      <Route path={paths.logIn} element={<LogInPage />} />
      <Route path={paths.singleSignOn} element={<SingleSignOnPage />} />
      <Route element={<WhoeverIsLoggedIn />}>
        <Route path={paths.overview} element={<OverviewPage />} />
        <Route path={paths.createServer} element={<CreateServerPage />} />
        <Route path="/servers/:id" element={<ServerPage />} />
        <Route path="/servers/:id/console" element={<ServerConsolePage />} />
        <Route path={paths.createContainer} element={<CreateContainerPage />} />
        <Route path="/containers/:id" element={<ContainerPage />} />
        <Route path={paths.networks} element={<NetworksPage />} />
        <Route path={paths.createNetwork} element={<CreateNetworkPage />} />
        <Route path={paths.routers} element={<RoutersPage />} />
        <Route path={paths.floatingIps} element={<FloatingIpsPage />} />
        <Route path={paths.securityGroups} element={<SecurityGroupsPage />} />
        <Route path="/security-groups/:id" element={<SecurityGroupPage />} />
        <Route path={paths.images} element={<ImagesPage />} />
        <Route path={paths.uploadImage} element={<UploadImagePage />} />
        <Route path={paths.keypairs} element={<KeypairsPage />} />
        <Route path="*" element={<NoSuchPage />} />
      </Route>
    </Routes>
  );
}

function WhoeverIsLoggedIn() {
  const { session } = useSessionState();
  const { pathname, search } = useLocation();
  if (session)
    return (
      <Shell key={session.project.id}>
        <Outlet />
      </Shell>
    );
  const next = pathname === '/' && search === '' ? '' : `?${new URLSearchParams({ next: pathname + search })}`;
  return <Navigate to={paths.logIn + next} replace />;
}

function NoSuchPage() {
  return (
    <Page title="No such page">
      <p>
        There is nothing at this address. <Link to={paths.overview}>Go to the overview</Link>.
      </p>
    </Page>
  );
}
