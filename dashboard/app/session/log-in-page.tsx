import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { Navigate, useSearchParams } from 'react-router';
import { type Login, listDoors, logIn } from '../api/identity.ts';
import { Button } from '../parts/button.tsx';
import { Form, TextField } from '../parts/form.tsx';
import { ChooseProject, useEntrance } from './choose-project.tsx';
import { nextPath } from './next-path.ts';
import { useSessionState } from './session-provider.tsx';
import { beginSingleSignOn } from './single-sign-on.ts';

/** Name and password, then the project; the second step only shows where there is a choice. */
export function LogInPage() {
  const { session, ended } = useSessionState();
  const [query] = useSearchParams();
  const [login, setLogin] = useState<Login | null>(null);
  const enter = useEntrance();
  const next = nextPath(query.get('next'));
  if (session) return <Navigate to={next} replace />;
  return (
    <LogInFrame>
      {ended ? <p className="notice">{ended}</p> : null}
      {login ? (
        <ChooseProject login={login} back={() => setLogin(null)} />
      ) : (
        <>
          <PasswordForm
            done={async (begun) => {
              if (!(await enter(begun))) setLogin(begun);
            }}
          />
          <Doors next={next} />
        </>
      )}
    </LogInFrame>
  );
}

/** What stands around every step of logging in. */
export function LogInFrame({ children }: { children: ReactNode }) {
  useEffect(() => {
    document.title = 'Log in · Cirrostack';
  }, []);
  return (
    <main className="log-in">
      <h1>
        <img src="/dashboard/files/icon.svg" alt="" width="34" height="34" /> Cirrostack
      </h1>
      {children}
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

/** Where else one can log in; nothing where that is nowhere, or cannot be told. */
function Doors({ next }: { next: string }) {
  const { data: doors = [] } = useQuery({ queryKey: ['doors'], queryFn: listDoors });
  return doors.map(({ title, url }) => (
    <p key={url}>
      <Button
        onClick={() => {
          beginSingleSignOn(sessionStorage, next);
          location.assign(url);
        }}
      >
        Log in with {title}
      </Button>
    </p>
  ));
}
