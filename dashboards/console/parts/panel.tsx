/** A titled box, a strip of figures, a list of facts. */
import { useId } from 'react';

interface PanelProps {
  readonly title: React.ReactNode;
  readonly actions?: React.ReactNode;
  /** Without padding, for tables. */
  readonly isTight?: boolean;
  readonly className?: string;
  readonly children: React.ReactNode;
}

/** A box with a title and actions. */
export function Panel({ title, actions, isTight = false, className = '', children }: PanelProps) {
  const id = useId();
  return (
    <section className={`panel ${isTight ? 'tight' : ''} ${className}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {actions}
      </header>
      <div className="body">{children}</div>
    </section>
  );
}

export interface Figure {
  readonly name: string;
  readonly value: React.ReactNode;
  readonly note?: React.ReactNode;
}

/** Figures side by side. */
export function Strip({ figures }: { readonly figures: readonly Figure[] }) {
  return (
    <div className="strip">
      {figures.map(({ name, value, note }) => (
        <div key={name}>
          <span>{name}</span>
          <b>{value}</b>
          {note !== undefined && note !== '' && <small>{note}</small>}
        </div>
      ))}
    </div>
  );
}

/** Facts without a value are left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, React.ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== '' && value !== undefined && value !== null)
        .map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** Title of a page and its actions. */
export function PageHead({
  title,
  sub,
  children,
}: {
  readonly title: React.ReactNode;
  readonly sub?: React.ReactNode;
  readonly children?: React.ReactNode;
}) {
  return (
    <div className="page-head">
      <h1>{title}</h1>
      {sub !== undefined && <span className="sub">{sub}</span>}
      {children !== undefined && <div className="actions">{children}</div>}
    </div>
  );
}
