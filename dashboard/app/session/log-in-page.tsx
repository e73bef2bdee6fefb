import { useEffect, useState } from 'react';
import { Navigate, useSearchParams } from 'react-router';
import { ApiFailure } from '../api/failure.ts';
import { enterProject, type Login, logIn } from '../api/identity.ts';
import { Form, SelectField, TextField } from '../parts/form.tsx';
import { nextPath } from './next-path.ts';
import { useSessionState } from './session-provider.tsx';

/** Name and password, then the project; the second step only shows where there is a choice. */
export function LogInPage() {
  const { session, ended, begin } = useSessionState();
  const [query] = useSearchParams();
  const [login, setLogin] = useState<Login | null>(null);
  useEffect(() => {
    document.title = 'Log in · Cirrostack';
  }, []);
  if (session) return <Navigate to={nextPath(query.get('next'))} replace />;
  const enter = async (token: string, projectId: string) => begin(await enterProject(token, projectId));
  return (
    <main className="log-in">
      <h1>
        <img src="/dashboard/files/icon.svg" alt="" width="34" height="34" /> Cirrostack
      </h1>
      {ended ? <p className="notice">{ended}</p> : null}
      {login ? (
        <ProjectForm login={login} enter={enter} back={() => setLogin(null)} />
      ) : (
        <PasswordForm
          done={async (next) => {
            const [only, ...others] = next.projects;
            if (only === undefined)
              throw new ApiFailure('You have no role in any project. Ask your administrator for one.', 0, null);
            if (others.length === 0) await enter(next.token, only.id);
            else setLogin(next);
          }}
        />
      )}
    </main>
  );
}

function PasswordForm({ done }: { done: (login: Login) => Promise<void> }) {
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [domain, setDomain] = useState('Default');
  return (
    <Form
      submit={async () => done(await logIn({ user, password, domain }))}
      submitLabel="Log in"
      failed="Could not log in"
    >
      <TextField label="User name" value={user} onValue={setUser} autoComplete="username" required autoFocus />
      <TextField
        label="Password"
        type="password"
        value={password}
        onValue={setPassword}
        autoComplete="current-password"
        required
      />
      <TextField label="Domain" value={domain} onValue={setDomain} required />
    </Form>
  );
}

function ProjectForm({
  login,
  enter,
  back,
}: {
  login: Login;
  enter: (token: string, projectId: string) => Promise<void>;
  back: () => void;
}) {
  const [project, setProject] = useState(login.projects[0]?.id ?? '');
  return (
    <Form
      submit={() => enter(login.token, project)}
      submitLabel="Continue"
      failed="Could not enter the project"
      cancel={back}
    >
      <SelectField
        label="Project"
        value={project}
        onValue={setProject}
        choices={login.projects.map(({ id, name }) => ({ value: id, label: name }))}
      />
    </Form>
  );
}
