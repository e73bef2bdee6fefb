import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Form } from './form.tsx';

/** A modal dialog: the browser keeps the focus in it, closes it with Escape and gives the focus back. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    element.current?.showModal();
  }, []);
  return (
    <dialog ref={element} aria-labelledby={titleId} onClose={close}>
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}

/** Asks before something that cannot be undone, naming what it is about. */
export function Confirm({
  title,
  verb,
  submit,
  close,
  children,
}: {
  title: string;
  verb: string;
  submit: () => Promise<unknown>;
  close: () => void;
  children?: ReactNode;
}) {
  return (
    <Dialog title={title} close={close}>
      <Form
        submit={async () => {
          await submit();
          close();
        }}
        submitLabel={verb}
        failed={`${verb} failed`}
        danger
        cancel={close}
      >
        {children}
      </Form>
    </Dialog>
  );
}
