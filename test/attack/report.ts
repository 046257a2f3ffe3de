/** A line for each case of `npm run attack`: what was done, and what stayed alive. */
export interface Vitals {
  readonly pingMs: number;
  readonly shipMs: number;
}

export function report(attack: string, what: string, vitals?: Vitals): void {
  if (!process.env.HINDCAST_ATTACK) return;
  const alive = vitals ? `; /ping within ${Math.round(vitals.pingMs)} ms, a record stored within ${Math.round(vitals.shipMs)} ms` : '';
  process.stderr.write(`${attack}: ${what}${alive}\n`);
}
