import { useState } from 'react';
import { Button } from './button.tsx';
import { Confirm } from './dialog.tsx';

/** Deletes one thing after asking. `consequence` says what goes with it. */
export function DeleteButton({
  kind,
  name,
  submit,
  whyNot,
  consequence = 'This cannot be undone.',
}: {
  kind: string;
  name: string;
  submit: () => Promise<unknown>;
  whyNot?: string | null;
  consequence?: string;
}) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button kind="danger" whyNot={whyNot} onClick={() => setAsking(true)} aria-label={`Delete ${kind} ${name}`}>
        Delete
      </Button>
      {asking ? (
        <Confirm title={`Delete ${kind} “${name}”?`} verb="Delete" submit={submit} close={() => setAsking(false)}>
          <p>{consequence}</p>
        </Confirm>
      ) : null}
    </>
  );
}
