/** As in the store's `attempts.kind`. */
export type AttemptKind = 'primary' | 'retry' | 'fallback' | 'escalation' | 'hedge' | 'shadow' | 'judge';

export type ExtraCall = Extract<AttemptKind, 'retry' | 'hedge'>;
