/** Buttons that do one thing. */
import { useEffect, useState } from 'react';
import { Icon, type IconName } from './icons.tsx';

interface ButtonProps extends React.ComponentProps<'button'> {
  readonly icon?: IconName;
  readonly kind?: 'primary' | 'quiet' | 'danger' | 'plain';
}

/** A button with an icon before its text. */
export function Button({ icon, kind = 'plain', children, className = '', ...rest }: ButtonProps) {
  return (
    <button type="button" className={`button ${kind} ${className}`} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** Copies a text, and says that it did. */
export function CopyButton({
  text,
  label,
  kind = 'plain',
}: {
  readonly text: string | (() => string);
  readonly label: string;
  readonly kind?: 'quiet' | 'plain';
}) {
  const [isDone, setDone] = useState(false);
  useEffect(() => {
    if (!isDone) return;
    const timer = setTimeout(() => setDone(false), 1_500);
    return () => clearTimeout(timer);
  }, [isDone]);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(typeof text === 'string' ? text : text());
    setDone(true);
  };
  return (
    <Button icon={isDone ? 'check' : 'copy'} kind={kind} onClick={() => void copy()}>
      <span aria-live="polite">{isDone ? 'Copied' : label}</span>
    </Button>
  );
}

/** Hands the reader a file that is made here. */
export function saveFile(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}

/** One of a few, of which one is always chosen. */
export function Segments<Value extends string>({
  label,
  values,
  value,
  onChange,
}: {
  readonly label: string;
  readonly values: readonly (readonly [Value, string])[];
  readonly value: Value;
  onChange(value: Value): void;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a flex box in all browsers
    <div className="segments" role="group" aria-label={label}>
      {values.map(([name, text]) => (
        <button key={name} type="button" aria-pressed={name === value} onClick={() => onChange(name)}>
          {text}
        </button>
      ))}
    </div>
  );
}
