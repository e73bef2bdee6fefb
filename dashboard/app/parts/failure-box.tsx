import { ApiFailure } from '../api/failure.ts';

/** An error whole, with the id that finds it in the cloud's logs, and a way on where there is one. */
export function FailureBox({ error, what, retry }: { error: unknown; what: string; retry?: () => void }) {
  const failure = error instanceof ApiFailure ? error : null;
  return (
    <div className="failure" role="alert">
      <strong>{what}</strong>
      <p className="failure-message">{error instanceof Error ? error.message : String(error)}</p>
      {failure && (failure.status > 0 || failure.requestId) ? (
        <p className="quiet">
          {failure.status > 0 ? `Status ${failure.status}` : ''}
          {failure.requestId ? (
            <>
              {' · '}request <code>{failure.requestId}</code>
            </>
          ) : null}
        </p>
      ) : null}
      {retry ? (
        <button type="button" className="button plain" onClick={retry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}
