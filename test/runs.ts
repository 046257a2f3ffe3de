/** How many cases a property is tried on: few with every push, many with `npm run test:long`. */
export const isLong = process.env.HINDCAST_LONG !== undefined;
export const runs = (short: number, long = 60_000): { readonly numRuns: number } => ({ numRuns: isLong ? long : short });
/** For a test whose long form takes minutes. */
export const longTimeout = isLong ? 600_000 : 20_000;
