import { useEffect, useRef, useState } from 'react';
import { Link, Navigate } from 'react-router';
import { type Login, listProjects } from '../api/identity.ts';
import { FailureBox } from '../parts/failure-box.tsx';
import { paths } from '../paths.ts';
import { ChooseProject, useEntrance } from './choose-project.tsx';
import { LogInFrame } from './log-in-page.tsx';
import { nextPath } from './next-path.ts';
import { useSessionState } from './session-provider.tsx';
import { endSingleSignOn, takeToken } from './single-sign-on.ts';

/** Where an identity provider sends whoever logged in there, with a token in the page. */
export function SingleSignOnPage() {
  const { session } = useSessionState();
  const [login, setLogin] = useState<Login | null>(null);
  const [failure, setFailure] = useState<Error | null>(null);
  const [next, setNext] = useState('/');
  const enter = useEntrance();
  const isBegun = useRef(false);
  useEffect(() => {
    if (isBegun.current) return; // a token is taken once, and React may ask twice
    isBegun.current = true;
    const arrive = async () => {
      const token = takeToken(document);
      const begun = endSingleSignOn(sessionStorage);
      if (token === null || begun === null) throw new Error('This log-in was not begun in this tab.');
      setNext(nextPath(begun));
      const arrived = { token, projects: await listProjects(token) };
      if (!(await enter(arrived))) setLogin(arrived);
    };
    arrive().catch(setFailure);
  }, [enter]);
  if (session) return <Navigate to={next} replace />;
  return (
    <LogInFrame>
      {failure ? <FailureBox what="Could not log in" error={failure} /> : null}
      {login ? <ChooseProject login={login} back={() => setLogin(null)} /> : null}
      {failure || !login ? <p>{failure ? <Link to={paths.logIn}>Log in</Link> : 'Logging in …'}</p> : null}
    </LogInFrame>
  );
}
