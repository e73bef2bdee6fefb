import { type ButtonHTMLAttributes, useId } from 'react';

interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'disabled'> {
  kind?: 'primary' | 'plain' | 'danger';
  /** Why it cannot be used now: shown where the button is asked about, read out with its name. */
  whyNot?: string | null | undefined;
  busy?: boolean;
}

/** A button that says why when it does nothing. It stays focusable then, or a keyboard could never ask. */
export function Button({
  kind = 'plain',
  whyNot,
  busy = false,
  onClick,
  children,
  className = '',
  ...rest
}: ButtonProps) {
  const reasonId = useId();
  const off = busy || Boolean(whyNot);
  return (
    <span className="button-place">
      <button
        type="button"
        {...rest}
        className={`button ${kind} ${className}`}
        aria-disabled={off || undefined}
        aria-busy={busy || undefined}
        aria-describedby={whyNot ? reasonId : undefined}
        onClick={(event) => {
          if (off) event.preventDefault();
          else onClick?.(event);
        }}
      >
        {children}
      </button>
      {whyNot ? (
        <span role="tooltip" id={reasonId} className="why-not">
          {whyNot}
        </span>
      ) : null}
    </span>
  );
}
