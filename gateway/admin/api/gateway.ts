/** The gateway itself: thresholds, certificates, targets, what would become of a request, and its configuration. */
import { z } from 'zod';
import { change, read } from './contract.ts';
import { count, json, listOf, pageOnly, word } from './fields.ts';

const routePath = z.object({ route: word('Name of the route.') });

export const thresholds = z
  .object({
    route: z.string(),
    config_hash: z.string().describe('To be sent as `if-match` with a change.'),
    steps: z.array(
      z.object({
        step: count('From 0.'),
        target: z.string(),
        signal: z.string().nullable().describe('Null when the step accepts every answer, or by a rule of several signals.'),
        at_least: z.number().nullable(),
        accept: json.describe('The whole rule; null when every answer is accepted.'),
      }),
    ),
  })
  .meta({ id: 'Thresholds', description: 'What each step of a route accepts.' });

export const certificate = z
  .object({
    route: z.string(),
    file: z.string(),
    issued_at: z.string().nullable(),
    targets: z.array(z.string()),
    thresholds: z.array(z.number()),
    signal: z.string().nullable(),
    checked: json.describe('The last `hindcast eval check --keep`; null when there was none.'),
    problem: z.string().nullable().describe('Why it does not hold any more; null when it holds.'),
  })
  .meta({ id: 'Certificate', description: "The certificate of a route's thresholds." });
export type CertificateRow = z.output<typeof certificate>;

const problem = z.object({ file: z.string(), line: count('From 1.'), column: count('From 1.'), path: z.string(), message: z.string() });

const number = (text: string) => z.coerce.number().int().min(0).max(1e8).optional().describe(text);

export const explainQuery = z.strictObject({
  model: word('A route, a `provider/model` or a list of them.'),
  tenant: word('As which tenant.').optional(),
  key: word('As which key.').optional(),
  conversation: word('In which conversation.').optional(),
  id: word('As which request: it decides shares.').optional(),
  input_tokens: number('Tokens of the request.'),
  output_tokens: number('Most tokens of the answer.'),
  tools: z.string().max(16).optional().describe('The request has tools.'),
  vision: z.string().max(16).optional().describe('The request has an image.'),
  json_schema: z.string().max(16).optional().describe('The answer must follow a JSON schema.'),
});

export const explanation = z
  .looseObject({
    route: z.string(),
    variant: json,
    extra_calls_refused: json,
    candidates: z.array(
      z.looseObject({
        target: z.string(),
        taken: z.boolean(),
        why: z.string(),
        cost_usd: z.number().nullable(),
        closed_for_ms: z.number(),
        waits_ms: z.number(),
      }),
    ),
  })
  .meta({ id: 'Explanation', description: 'Targets that would be tried, in which order, and why.' });

export const targetsAnswer = z
  .looseObject({
    targets: z.array(z.looseObject({ target: z.string(), state: z.string() })),
    keys: z.array(z.looseObject({ key: z.string() })),
    probes: z.array(z.looseObject({ provider: z.string() })),
    queue: z.looseObject({ requests: z.number(), bytes: z.number() }),
    rollouts: json,
    extra_calls: z.looseObject({}),
  })
  .meta({ id: 'Targets', description: 'Health, limits and keys of targets, as the worker that answers sees them.' });

export const routeRow = z
  .object({
    name: z.string(),
    strategy: z.string().nullable().describe('How targets of one place are ordered; null for the order of the file.'),
    steps: z.array(
      z.object({
        target: z.string(),
        accept: json.describe('What an answer must show to be kept; null when every answer is kept.'),
      }),
    ),
    variants: z.array(z.object({ route: z.string(), share: z.number().describe('Of the requests, in [0, 1].'), rolls_out: z.boolean() })),
    flag: z.string().nullable(),
    shadows: json.describe('Copies of its traffic, and where they go; null when there are none.'),
    certified: z.boolean(),
  })
  .meta({ id: 'Route', description: 'A route of the configuration.' });
export type RouteRow = z.output<typeof routeRow>;

const configText = z.string().max(4 * 1024 * 1024);

export const gatewayRoutes = {
  listRoutes: read({
    path: '/routes',
    summary: 'List the routes of the configuration.',
    role: 'viewer',
    sees: 'gateway',
    query: pageOnly,
    answer: listOf(routeRow),
  }),
  getThresholds: read({
    path: '/thresholds/{route}',
    summary: 'Show what each step of a route accepts.',
    role: 'viewer',
    sees: 'gateway',
    params: routePath,
    answer: thresholds,
  }),
  setThresholds: change({
    method: 'PUT',
    path: '/thresholds/{route}',
    summary: "Write a route's thresholds into the configuration file.",
    description: 'The rest of the file stays as it is, comments included. The gateway takes the changed file within a second.',
    role: 'admin',
    sees: 'gateway',
    audited: 'thresholds-written',
    ifMatch: true,
    params: routePath,
    body: z.strictObject({
      signal: word('`confidence`, `mean_logprob`, …'),
      thresholds: z.array(z.number()).min(1).max(20).describe('Of each step but the last.'),
    }),
    answer: z.object({ route: z.string(), config_hash: z.string(), thresholds: z.array(z.number()) }),
  }),
  listCertificates: read({
    path: '/certificates',
    summary: "List the certificates of routes' thresholds.",
    role: 'viewer',
    sees: 'gateway',
    answer: listOf(certificate),
  }),
  getTargets: read({
    path: '/targets',
    summary: 'Show health, limits and keys of targets.',
    description: 'The same as `GET /admin/fleet`.',
    role: 'viewer',
    sees: 'gateway',
    answer: targetsAnswer,
  }),
  explain: read({
    path: '/explain',
    summary: 'Show which targets would be tried for such a request, and why.',
    description: 'The same as `GET /admin/explain`. Nobody is called.',
    role: 'viewer',
    sees: 'gateway',
    query: explainQuery,
    answer: explanation,
  }),
  getConfig: read({
    path: '/config',
    summary: 'Show the running configuration, secrets masked.',
    role: 'admin',
    sees: 'gateway',
    answer: z
      .object({
        hash: z.string().describe('To be sent as `if-match` with a change.'),
        file: z.string().nullable(),
        text: z
          .string()
          .nullable()
          .describe('The file as it is; a secret written in it reads `[secret:fingerprint]`. Null when there is no file.'),
        running: z.boolean().describe('Whether the file is what the gateway runs; false while a broken one stands there.'),
        summary: json.describe('As `hindcast config check --json` prints it.'),
      })
      .meta({ id: 'Configuration', description: 'The running configuration.' }),
  }),
  setConfig: change({
    method: 'PUT',
    path: '/config',
    summary: 'Replace the configuration file.',
    description:
      'The text is checked as a file beside the old one first. `[secret:fingerprint]` stands for the secret of the old file. The gateway takes the changed file within a second. An admin key can do what whoever edits the file can.',
    role: 'admin',
    sees: 'gateway',
    audited: 'config-written',
    ifMatch: true,
    body: z.strictObject({ text: configText }),
    answer: z.object({ hash: z.string(), restart_needed: z.array(z.string()).describe('Settings that only a restart changes.') }),
  }),
  checkConfig: change({
    method: 'POST',
    path: '/config/check',
    summary: 'Check a configuration without taking it.',
    role: 'admin',
    sees: 'gateway',
    audited: 'config-checked',
    body: z.strictObject({ text: configText }),
    answer: z.object({
      ok: z.boolean(),
      hash: z.string().nullable(),
      problems: z.array(problem),
      restart_needed: z.array(z.string()),
    }),
  }),
};
