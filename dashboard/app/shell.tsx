import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { NavLink, useLocation, useNavigate } from 'react-router';
import { listProjects } from './api/identity.ts';
import { Button } from './parts/button.tsx';
import { FailureBox } from './parts/failure-box.tsx';
import { FaultBoundary } from './parts/fault-boundary.tsx';
import { paths } from './paths.ts';
import { useSession, useSessionState } from './session/session-provider.tsx';

const sections: { title: string; links: { to: string; label: string }[] }[] = [
  {
    title: 'Compute',
    links: [
      { to: paths.overview, label: 'Servers & containers' },
      { to: paths.images, label: 'Images' },
      { to: paths.keypairs, label: 'Key pairs' },
    ],
  },
  {
    title: 'Network',
    links: [
      { to: paths.networks, label: 'Networks' },
      { to: paths.routers, label: 'Routers' },
      { to: paths.floatingIps, label: 'Floating IPs' },
      { to: paths.securityGroups, label: 'Security groups' },
    ],
  },
];

/** What stands around every page: where one can go, as whom, in which project. */
export function Shell({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const { pathname } = useLocation();
  const [shownAt, setShownAt] = useState(pathname);
  if (shownAt !== pathname) {
    setShownAt(pathname);
    setOpen(false); // on a narrow screen the menu has done its work
  }
  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="top">
        <button type="button" className="menu" aria-expanded={open} aria-controls="menu" onClick={() => setOpen(!open)}>
          <span aria-hidden="true">☰</span> Menu
        </button>
        <span className="brand">
          <img src="/dashboard/files/icon.svg" alt="" width="22" height="22" /> Cirrostack
        </span>
        <ProjectChoice />
      </header>
      <nav id="menu" className={open ? 'open' : ''} aria-label="Main">
        {sections.map(({ title, links }) => (
          <section key={title}>
            <h2>{title}</h2>
            {links.map(({ to, label }) => (
              <NavLink key={to} to={to} end={to === '/'}>
                {label}
              </NavLink>
            ))}
          </section>
        ))}
      </nav>
      <FaultBoundary key={pathname}>{children}</FaultBoundary>
    </div>
  );
}

function ProjectChoice() {
  const session = useSession();
  const { switchProject, logOut } = useSessionState();
  const navigate = useNavigate();
  const [error, setError] = useState<unknown>(null);
  const { data = [] } = useQuery({
    queryKey: ['projects'],
    queryFn: () => listProjects(session.loginToken),
    staleTime: 60_000,
  });
  const known = data.some((project) => project.id === session.project.id) ? data : [session.project, ...data];
  const change = async (id: string) => {
    setError(null);
    try {
      await switchProject(id);
      navigate(paths.overview); // an address of one project's resource means nothing in another
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <div className="who">
      <label htmlFor="project">Project</label>
      <select id="project" value={session.project.id} onChange={(event) => void change(event.target.value)}>
        {known.map((project) => (
          <option key={project.id} value={project.id}>
            {project.name}
          </option>
        ))}
      </select>
      <span className="user" title={session.roles.join(', ')}>
        {session.user.name}
      </span>
      <Button onClick={() => void logOut()}>Log out</Button>
      {error ? <FailureBox error={error} what="Could not enter the project" /> : null}
    </div>
  );
}
