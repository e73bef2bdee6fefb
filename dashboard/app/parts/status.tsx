import { toneOf } from './tone.ts';

/** A status in the API's own word, and what is being done about it. Colour only repeats what the words say. */
export function Status({ status, task }: { status: string; task?: string | null | undefined }) {
  return (
    <span className={`status ${task ? 'moving' : toneOf(status)}`}>
      <i aria-hidden="true" />
      {status}
      {task ? <small>{task.replaceAll(/[-_]/g, ' ')}</small> : null}
    </span>
  );
}
