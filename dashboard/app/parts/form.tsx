import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type InputHTMLAttributes, type ReactNode, useId } from 'react';
import { Button } from './button.tsx';
import { FailureBox } from './failure-box.tsx';

/** A label, its control, and what helps to fill it in; the control gets the ids that tie them together. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: ReactNode;
  children: (ids: { id: string; 'aria-describedby'?: string }) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, ...(hint ? { 'aria-describedby': `${id}-hint` } : {}) })}
      {hint ? (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      ) : null}
    </div>
  );
}

interface TextFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange'> {
  label: string;
  hint?: ReactNode;
  value: string;
  onValue: (value: string) => void;
}

export function TextField({ label, hint, value, onValue, ...rest }: TextFieldProps) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <input
          type="text"
          autoComplete="off"
          spellCheck={false}
          {...rest}
          {...ids}
          value={value}
          onChange={(event) => onValue(event.target.value)}
        />
      )}
    </Field>
  );
}

export interface Choice {
  value: string;
  label: string;
}

export function SelectField({
  label,
  hint,
  value,
  onValue,
  choices,
  none,
  required = false,
}: {
  label: string;
  hint?: ReactNode;
  value: string;
  onValue: (value: string) => void;
  choices: readonly Choice[];
  /** The words for choosing nothing; absent where something must be chosen. */
  none?: string;
  required?: boolean;
}) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <select {...ids} required={required} value={value} onChange={(event) => onValue(event.target.value)}>
          {none !== undefined ? <option value="">{none}</option> : null}
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A form that does one thing. While it is done nothing can be sent twice; when it fails, what was typed stays. */
export function Form({
  submit,
  submitLabel,
  failed,
  whyNot,
  danger = false,
  cancel,
  inline = false,
  children,
}: {
  submit: () => Promise<unknown>;
  submitLabel: string;
  /** The heading of a failure: "Could not create the server". */
  failed: string;
  whyNot?: string | null;
  danger?: boolean;
  cancel?: (() => void) | undefined;
  /** The button stands beside the fields instead of below them. */
  inline?: boolean;
  children?: ReactNode;
}) {
  const sending = useMutation({ mutationFn: submit });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!sending.isPending && !whyNot) sending.mutate();
  };
  return (
    <form onSubmit={onSubmit} className={inline ? 'inline' : ''}>
      {sending.error ? <FailureBox error={sending.error} what={failed} /> : null}
      <div className="fields">{children}</div>
      <div className="form-actions">
        <Button type="submit" kind={danger ? 'danger' : 'primary'} busy={sending.isPending} whyNot={whyNot}>
          {submitLabel}
        </Button>
        {cancel ? <Button onClick={cancel}>Cancel</Button> : null}
      </div>
    </form>
  );
}
