/** How an exchange or an attempt ended, as a colour and a word. */
export type Tone = 'good' | 'warn' | 'bad' | 'note' | 'accent' | 'plain';

const warnings: ReadonlySet<string> = new Set(['cancelled', 'aborted', 'rate_limited', 'truncated', 'budget', 'client_error']);

export const toneOf = (outcome: string): Tone => (outcome === 'ok' ? 'good' : warnings.has(outcome) ? 'warn' : 'bad');

export function Badge({ tone = 'plain', children }: { readonly tone?: Tone; readonly children: React.ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

/** `error_type` says more than the outcome where it is there. */
export function Outcome({ outcome, errorType = '' }: { readonly outcome: string; readonly errorType?: string }) {
  return <Badge tone={toneOf(outcome)}>{outcome === 'ok' ? 'ok' : (errorType || outcome).replaceAll('_', ' ')}</Badge>;
}

export const Dot = ({ tone }: { readonly tone: Tone | 'live' }) => <i className={`dot ${tone}`} aria-hidden="true" />;
