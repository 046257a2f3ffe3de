/** As in the store's `attempts.kind`. */
export type AttemptKind = 'primary' | 'retry' | 'fallback' | 'escalation' | 'hedge' | 'shadow' | 'judge';

/** The kinds that the retry budget limits; fallbacks count as retries. */
export type ExtraCall = Extract<AttemptKind, 'retry' | 'hedge'>;
