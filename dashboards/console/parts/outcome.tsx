/** How an exchange or an attempt ended, as a colour and a word. */
export type Tone = 'good' | 'warn' | 'bad' | 'note' | 'accent' | 'plain';

const warnings: ReadonlySet<string> = new Set(['cancelled', 'aborted', 'rate_limited', 'truncated', 'budget', 'client_error']);

/** Good for `ok`, a warning for what the caller or a limit ended, bad for failures. */
export const toneOf = (outcome: string): Tone => (outcome === 'ok' ? 'good' : warnings.has(outcome) ? 'warn' : 'bad');

/** A word in a coloured box. */
export function Badge({ tone = 'plain', children }: { readonly tone?: Tone; readonly children: React.ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

/** `error_type` says more than the outcome where it is there. */
export function Outcome({ outcome, errorType = '' }: { readonly outcome: string; readonly errorType?: string }) {
  return <Badge tone={toneOf(outcome)}>{outcome === 'ok' ? 'ok' : (errorType || outcome).replaceAll('_', ' ')}</Badge>;
}

/** A coloured dot; the word beside it says what it means. */
export const Dot = ({ tone }: { readonly tone: Tone | 'live' }) => <i className={`dot ${tone}`} aria-hidden="true" />;
