import { useEffect, useState } from 'react';
import { ago, instant } from './format.ts';

/** How long ago something was, kept true; the moment itself is shown when asked for. */
export function Time({ at }: { at: string | null | undefined }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  if (!at || Number.isNaN(instant(at))) return <span className="quiet">–</span>;
  return (
    <time dateTime={new Date(instant(at)).toISOString()} title={new Date(instant(at)).toLocaleString()}>
      {ago(at, Math.max(now, instant(at)))}
    </time>
  );
}
