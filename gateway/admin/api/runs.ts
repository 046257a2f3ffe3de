/** Replays that are planned, started, paused and compared; frontiers and certificates of thresholds: what the commands say, with `--json`. */
import { z } from 'zod';
import { change, read } from './contract.ts';
import { count, timeParameter, usd, word } from './fields.ts';

const interval = z
  .object({ value: z.number().nullable(), low: z.number().nullable(), high: z.number().nullable() })
  .describe('An estimate and its interval.');

const problem = z.string().nullable().describe('Why there is nothing to show; null when there is something.');
const runPath = z.object({ id: word('Id of the run.') });
const routePath = z.object({ route: word('Name of the route.') });

/** As `hindcast replay run` takes it. */
export const runRequest = z.strictObject({
  since: timeParameter('Recorded then or later.').optional(),
  until: timeParameter('Recorded before then.').optional(),
  route: word('Only requests on this route.').optional(),
  model: word('Only requests with this model, as the caller sent it.').optional(),
  tenant: word("Only this tenant's requests.").optional(),
  tag: word('`name=value`: only requests with this tag.').optional(),
  limit: z.number().int().min(1).max(100_000).default(200).describe('Most requests, the newest first.'),
  against: z.array(word('A route, or `provider/model`.')).min(1).max(6).describe('What the requests are sent to, arm by arm.'),
  aa: z.number().min(0).max(100).default(0).describe('Percent that are also sent to their original target, to measure run-to-run noise.'),
  max_cost_usd: z.number().min(0).max(1e6).describe('The run stops before it costs more. USD.'),
});
export type RunRequest = z.output<typeof runRequest>;

const planArm = z.looseObject({
  arm: z.string(),
  calls: count('Calls to be made.'),
  expected: usd('Expected cost.'),
  p95: usd('Cost with 95 % certainty.').optional(),
  worst: usd('Cost when every answer is as long as it may be.'),
  unpriced: count('Calls without a known price.'),
  losses: z.record(z.string(), z.unknown()).optional().describe('What targets cannot be sent, and of how many requests.'),
  skipped: z.record(z.string(), z.unknown()).optional(),
});

const compared = z.looseObject({
  outcome: z.string(),
  target: z.string(),
  text: z.string(),
  latencyMs: z.number().nullable().optional(),
  costNanoUsd: z.number().nullable().optional(),
  outputTokens: z.number().nullable().optional(),
});

const comparedPair = z.looseObject({
  id: z.string().describe('Id of the recorded exchange.'),
  recorded: compared,
  replayed: compared,
  diff: z.looseObject({ likeness: z.string(), decidedBy: z.string() }),
});

const metric = z.looseObject({
  name: z.string(),
  unit: z.string(),
  pairs: z.number(),
  recorded: z.number().nullable(),
  replayed: z.number().nullable(),
  delta: interval.nullable(),
});

const comparison = z
  .looseObject({
    run: z.string(),
    against: z.string(),
    arms: z.array(
      z.looseObject({
        arm: z.string(),
        totals: z.looseObject({ pairs: z.number(), likeness: z.record(z.string(), z.number()) }),
        metrics: z.array(metric),
        pairs: z.array(comparedPair),
      }),
    ),
  })
  .meta({ id: 'Comparison', description: 'As `hindcast replay diff --json` prints it.' });

const point = z.looseObject({
  threshold: z.number().optional(),
  accept: z.number(),
  cost_per_1k: interval,
  quality: interval,
  harm: interval,
  escalated: interval.optional(),
  ttft_ms: z.looseObject({ p50: interval, p95: interval }).nullable().optional(),
  latency_ms: z.looseObject({ p50: interval, p95: interval }).nullable().optional(),
});

const frontier = z
  .looseObject({
    chain: z.string(),
    reference: z.string(),
    signal: z.string(),
    quality_from: z.string(),
    confidence: z.number(),
    items: z.number(),
    clusters: z.number(),
    targets: z.array(point.extend({ target: z.string() })),
    current: point.nullable().optional(),
    rows: z.array(point.extend({ threshold: z.number(), thresholds: z.array(z.number()), frontier: z.boolean().optional() })),
    notes: z.array(z.string()),
    inconclusive: z.unknown(),
  })
  .meta({ id: 'Frontier', description: 'As `hindcast eval sweep --json` prints it.' });

const outcomesFrom = {
  since: timeParameter('Requests from then on.').optional(),
  run: word('Only requests of this replay: an id, `latest`, `shadow` or `audit`.').optional(),
};

export const runRoutes = {
  planRun: change({
    method: 'POST',
    path: '/runs/plan',
    summary: 'Say what a replay would cost and lose; nobody is called.',
    description: 'As `hindcast replay plan`. Needs a key of the tenant `*`.',
    role: 'analyst',
    sees: 'gateway',
    audited: 'run-planned',
    body: runRequest,
    answer: z.object({ plan: z.looseObject({ requests: z.number(), arms: z.array(planArm) }).nullable(), problem }),
  }),
  startRun: change({
    method: 'POST',
    path: '/runs',
    summary: 'Start a replay.',
    description: 'As `hindcast replay run`, in a process of its own: it goes on when the asker leaves. Needs a key of the tenant `*`.',
    role: 'analyst',
    sees: 'gateway',
    audited: 'run-started',
    body: runRequest,
    answer: z.object({ run: z.string().nullable().describe('Its id.'), problem }),
  }),
  pauseRun: change({
    method: 'POST',
    path: '/runs/{id}/pause',
    summary: 'Pause a replay that was started here.',
    role: 'analyst',
    sees: 'gateway',
    audited: 'run-paused',
    params: runPath,
    answer: z.object({ run: z.string(), paused: z.boolean().describe('False when no such replay runs in the process that answers.') }),
  }),
  resumeRun: change({
    method: 'POST',
    path: '/runs/{id}/resume',
    summary: 'Go on with a replay that was paused or ended early.',
    role: 'analyst',
    sees: 'gateway',
    audited: 'run-resumed',
    params: runPath,
    answer: z.object({ run: z.string().nullable(), problem }),
  }),
  compareRun: read({
    path: '/runs/{id}/comparison',
    summary: "Compare a run's answers with the recorded ones, with texts and intervals.",
    description: 'As `hindcast replay diff`. Needs a key of the tenant `*`.',
    role: 'analyst',
    sees: 'gateway',
    audited: 'run-compared',
    params: runPath,
    answer: z.object({ comparison: comparison.nullable(), problem }),
  }),
  getFrontier: read({
    path: '/thresholds/{route}/frontier',
    summary: 'Show what each threshold of a route would cost and give, with intervals.',
    description: 'As `hindcast eval sweep`.',
    role: 'viewer',
    sees: 'gateway',
    params: routePath,
    query: z.strictObject({ ...outcomesFrom, signal: word('What the threshold is laid on.').optional() }),
    answer: z.object({ frontier: frontier.nullable(), problem }),
  }),
  certifyThreshold: change({
    method: 'POST',
    path: '/thresholds/{route}/certify',
    summary: 'Find the lowest threshold with a bounded loss; nothing is written.',
    description: 'As `hindcast eval certify`.',
    role: 'analyst',
    sees: 'gateway',
    audited: 'threshold-certified',
    params: routePath,
    body: z.strictObject({
      ...outcomesFrom,
      max_loss_pp: z
        .number()
        .gt(0)
        .max(100)
        .describe('The most that may be lost against always asking the last target. Percentage points.'),
      loss: z.enum(['harm', 'net']).default('harm'),
      confidence: z.number().gt(0.5).lt(1).default(0.95),
    }),
    answer: z.object({
      certificate: z.looseObject({ verdict: z.string().optional() }).nullable().describe('As `hindcast eval certify --json` prints it.'),
      problem,
    }),
  }),
};
