import { useState } from 'react';
import { ApiFailure } from '../api/failure.ts';
import { enterProject, type Login, type Project } from '../api/identity.ts';
import { Form, SelectField } from '../parts/form.tsx';
import { useSessionState } from './session-provider.tsx';

/** Enters the only project there is. Gives false where there are several to choose from; throws where there is none. */
export function useEntrance(): (login: Login) => Promise<boolean> {
  const { begin } = useSessionState();
  return async ({ token, projects }) => {
    const [only, ...others] = projects;
    if (only === undefined)
      throw new ApiFailure('You have no role in any project. Ask your administrator for one.', 0, null);
    if (others.length > 0) return false;
    begin(await enterProject(token, only.id));
    return true;
  };
}

/** The second step of logging in. */
export function ChooseProject({ login, back }: { login: Login; back: () => void }) {
  const { begin } = useSessionState();
  const [project, setProject] = useState((login.projects[0] as Project | undefined)?.id ?? '');
  return (
    <Form
      submit={async () => begin(await enterProject(login.token, project))}
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
