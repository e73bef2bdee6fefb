import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ApiFailure } from '../api/failure.ts';
import { FailureBox } from './failure-box.tsx';

/**
 * What a query has to show: its content, that it is loading, or why it failed. A failure to refresh stands above the
 * content that was there before, so that a moment's trouble does not empty the page; what is gone is not shown any more.
 */
export function Loaded<T>({
  query,
  what,
  children,
}: {
  query: UseQueryResult<T>;
  what: string;
  children: (data: T) => ReactNode;
}) {
  const { data, error, isFetching, refetch } = query;
  const failure = error ? (
    <FailureBox error={error} what={`Could not load ${what}`} retry={() => void refetch()} />
  ) : null;
  const isGone = error instanceof ApiFailure && error.status === 404;
  if (data === undefined || isGone)
    return (
      failure ?? (
        <div className="loading" aria-busy={isFetching}>
          <span className="visually-hidden">Loading {what}</span>
          <i />
          <i />
          <i />
        </div>
      )
    );
  return (
    <>
      {failure}
      {children(data)}
    </>
  );
}

/** A list that has nothing in it: says what would be here and offers to make the first. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children ? <p>{children}</p> : null}
      {action}
    </div>
  );
}
