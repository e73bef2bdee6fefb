import { useEffect, useRef } from 'react';
import { plainText } from './plain-text.ts';

/** Output of a guest, as text and nothing else. It follows the end for as long as the reader is there. */
export function Log({ label, text }: { label: string; text: string }) {
  const element = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (element.current && follows.current && text !== '') element.current.scrollTop = element.current.scrollHeight;
  }, [text]);
  if (text === '') return <p className="quiet">Nothing was printed yet.</p>;
  return (
    <pre
      ref={element}
      className="log"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      role="log"
      aria-label={label}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        follows.current = scrollHeight - scrollTop - clientHeight < 24;
      }}
    >
      {plainText(text)}
    </pre>
  );
}
