/** An attempt under way and what came of it before the router committed to it. */

import type { PreparedRequest } from '../contract.ts';
import type { AttemptReport } from '../driver.ts';
import type { HealthReporter } from '../health-reporter.ts';
import type { Delta } from '../response/render.ts';
import type { Attempt } from './attempt.ts';

export interface RunningAttempt {
  readonly attempt: Attempt;
  readonly prepared: PreparedRequest;
  /** What came before the commit. */
  readonly buffered: Delta[];
  /** What the router is told. */
  readonly report: AttemptReport;
  /** What the fleet is told. */
  readonly health: HealthReporter;
}
