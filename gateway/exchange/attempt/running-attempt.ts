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
  /** Reports to the router. */
  readonly report: AttemptReport;
  /** Reports target health. */
  readonly health: HealthReporter;
}
