/** One thing that `hindcast doctor` looks at, and what it found. */
export interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'warning' | 'problem';
  /** The finding; for a problem also what to do. */
  readonly message: string;
}

export type Check = () => Promise<Finding | readonly Finding[]>;

/** A check that found nothing wrong. */
export const ok = (what: string, message: string): Finding => ({ what, state: 'ok', message });

/** A check that found something to look at; the gateway runs nevertheless. */
export const warning = (what: string, message: string): Finding => ({ what, state: 'warning', message });

/** A check that found what keeps the gateway from running. */
export const problem = (what: string, message: string): Finding => ({ what, state: 'problem', message });

/** A check that throws reports its error as a problem. */
export async function runChecks(checks: readonly (readonly [what: string, check: Check])[]): Promise<readonly Finding[]> {
  const found = await Promise.all(
    checks.map(([what, check]) => check().catch((error: unknown) => problem(what, error instanceof Error ? error.message : String(error)))),
  );
  return found.flat();
}
