/** Question and answer as a conversation. */
import { Badge } from '../parts/outcome.tsx';
import { Text } from '../parts/text.tsx';
import { type Part, parse, type Turn } from '../text/turns/turns.ts';

/** Turns one below another. */
export function Turns({ turns }: { readonly turns: readonly Turn[] }) {
  return (
    <ol className="turns">
      {turns.map((turn, i) => (
        // A conversation only grows at its end.
        <li key={`${i}`} className={`turn ${turn.role}`}>
          <span className="role">{turn.role}</span>
          <div className="stack">
            {turn.parts.map((part, at) => (
              <PartView key={`${at}`} part={part} />
            ))}
          </div>
        </li>
      ))}
    </ol>
  );
}

function PartView({ part }: { readonly part: Part }) {
  switch (part.type) {
    case 'text':
      return <Text text={part.text} />;
    case 'thinking':
      return (
        <details>
          <summary className="muted">Thinking</summary>
          <Text text={part.text} />
        </details>
      );
    case 'call':
      return (
        <div className="tool">
          <Badge tone="note">calls {part.name}</Badge>
          <Text isCode text={indented(part.input)} />
        </div>
      );
    case 'result':
      return (
        <div className="tool">
          <Badge>result{part.id === '' ? '' : ` of ${part.id}`}</Badge>
          <Text isCode text={indented(part.text)} />
        </div>
      );
    default:
      return <Text isCode text={part.text} />;
  }
}

/** JSON with indents; any other text as it is. */
export function indented(text: string): string {
  const value = parse(text);
  return typeof value === 'object' && value !== null ? JSON.stringify(value, undefined, 2) : text;
}
