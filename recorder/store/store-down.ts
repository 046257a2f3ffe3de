/** Tells a store that is down, and may answer later, from a configuration that no waiting mends. */
import { exceptionCodeOf } from './insert-error.ts';
import { MigrationError } from './migrate.ts';

/** ClickHouse's codes: unknown database, unknown user, wrong or missing password, authentication failed, access denied, unknown cluster. */
const configurationCodes = new Set([81, 192, 193, 194, 516, 497, 701]);

/**
 * True when the account, the database or the tables are not as configured. Everything else counts as a store that is down: refused connections,
 * 500, pages of a proxy, half answers, read-only replicas, too many parts.
 */
export function isConfigurationError(error: unknown): boolean {
  if (error instanceof MigrationError) return true;
  const code = exceptionCodeOf(error);
  return code !== undefined && configurationCodes.has(code);
}
