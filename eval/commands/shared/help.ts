/** Help texts after the flags: examples, argument forms, exit codes. */

export const compareHelp = `
A side is a target, recorded (what callers got), a route, cheap,strong@0.74, config:FILE, or a run (RUN:ARM when it has several arms).

Examples:
  hindcast eval compare recorded sim/small
  hindcast eval compare sim/large sim/small,sim/large@0.74 --since 7d
  hindcast eval compare recorded latest`;

export const sweepHelp = `
Examples:
  hindcast eval sweep --chain smart
  hindcast eval sweep --chain smart -o frontier.html
  hindcast eval sweep --chain sim/small,sim/large --since 7d --json
  hindcast eval sweep --chain 'gpt-3.5/cot1+pot1,gpt-4/cot-sc' --outcomes outcomes.jsonl --threshold 0.8,0.7,0.6

Exit codes: 0 done, 2 usage, 5 no request has an outcome of every target.`;

export const certifyHelp = `
Examples:
  hindcast eval certify --chain smart --max-loss 2pp
  hindcast eval certify --chain smart --max-loss 2pp --write -o certificate.json
  hindcast eval certify --chain sim/small,sim/large --max-loss 1pp --loss net --confidence 90% --json
  hindcast eval certify --chain smart --max-loss 2pp --max-p95 4s --max-errors 1% --slice tenant --manifest eval/split.json

With one threshold and nothing but a loss to bound, all requests serve and no split is made. With three targets and more, or further bounds,
the candidates and their order come from the tuning requests (Pareto testing), and the certificate from others that nobody has looked at.

Exit codes: 0 certified, 2 usage, 3 no threshold can be certified, 5 no request has an outcome of every target.`;

export const gateHelp = `
A gate file:
  version: 1
  baseline: { target: sim/large }            # or recorded, {run, arm}, {chain, thresholds}, {config, route}
  candidate: { chain: smart, thresholds: [0.74] }
  data: { since: 7d }                        # or {outcomes: FILE}, {run: latest}
  statistics: { confidence: 95%, seed: 7 }
  on_inconclusive: warn
  gates:
    - { name: quality does not drop, metric: quality, assert: "delta > -1pp" }
    - { name: cheaper, metric: cost_per_1k, assert: "delta < -20%", severity: warn }   # told, and decides nothing
    - { name: refunds stay as good, metric: quality, where: "task = 'refund'", assert: "delta > -2pp" }
  budget: { max_error_rate: 2% }             # also max_cost, max_duration of the runs
  report: [pretty, github, junit: out/gate.xml, md: out/gate.md, html: out/gate.html]

A prompt or a model is upgraded the same way: two snapshots with the same ids, one of them as it stands on the main branch.
  baseline: { snapshot: outcomes.jsonl, target: bot, ref: origin/main }
  candidate: { snapshot: outcomes.jsonl, target: bot }

Exit codes: 0 pass, 1 fail, 2 usage, 3 inconclusive, 4 the data are incomplete (budget), 5 no request has every outcome.`;

export const importHelp = `
Formats, found by their content: outcomes of this project (JSON lines), results of promptfoo, logs of inspect_ai (as JSON), samples of
lm-evaluation-harness, observations and scores of Langfuse, and tables (CSV, Parquet, JSON) with the columns id, target, quality, cost and, where
they are known, cluster, confidence, latency_ms, ttft_ms, model, error and signals by name; every other column is a tag. Several files are one set:
one log for each model, say. A request that was answered several times by one target is several items of one cluster.

Examples:
  hindcast eval import outcomes.jsonl
  hindcast eval import results.json --quality correctness
  hindcast eval import logs/gpt-small.json logs/gpt-large.json -o outcomes.jsonl
  hindcast eval import observations.jsonl scores.jsonl --quality helpful

The same files again add nothing. Exit codes: 0 done, 2 usage, 5 no outcome in the files.`;

export const calibrateHelp = `
Signals are given with commas between; all looks at every signal that some answer shows. The curve (none, Platt, beta or isotonic) is the one with
the lowest Brier score on answers it was not fitted on; whole clusters stay together.

Examples:
  hindcast eval calibrate --chain smart
  hindcast eval calibrate --chain sim/small,sim/large --signal mean_logprob,min_logprob,margin --since 7d

Exit codes: 0 done, 2 usage, 5 no answer of known quality shows a signal.`;

export const powerHelp = `
Examples:
  hindcast eval power --max-loss 1pp
  hindcast eval power --chain smart --max-loss 2pp --since 7d
  hindcast eval power --chain sim/small,sim/large --max-loss 1pp --loss net --threshold 0.74

Exit codes: 0 done, 2 usage, 5 no request has an outcome of every target.`;

export const explainHelp = `
Examples:
  hindcast eval explain 019aa5b2-5b7e-7cc0-9d35-0f2b1a6c1d11 --chain smart
  hindcast eval explain q17 --chain cheap,dear --outcomes outcomes.jsonl --threshold 0.8

Exit codes: 0 done, 2 usage, 5 nothing is known of the request.`;

export const snapshotHelp = `
The file holds numbers only, no prompt and no answer: quality, signals, cost, times and failures by request id. The commands read it
with --outcomes FILE, a gate file with data: { outcomes: FILE }.

Example:
  hindcast eval snapshot --chain smart --since 7d -o eval/outcomes.jsonl

Exit codes: 0 done, 2 usage, 5 no request has an outcome of every target.`;

export const checkHelp = `
Fresh, drifting (a population stability index above 0.1), expired (above 0.25, another model answers, or the route has other thresholds).

Example:
  hindcast eval check certificate.json --since 1d

Exit codes: 0 fresh or drifting, 1 expired, 2 usage, 3 too few answers to tell, 5 nothing is known of the first target.`;

export const watchHelp = `
The harm that the route's audits show since the certificate was issued, held against what it promises: it looks every minute until there is
a breach, and the chance of ever raising a false alarm is 1 - confidence. Without a name it watches what routes have with monitor: audit. With --json
each look is one line. A breach is kept in the state store, where every gateway reads it. No alarm is no proof.

Examples:
  hindcast eval watch certificate.json --once
  hindcast eval watch --json

Exit codes: 0 no breach, 1 breach, 2 usage, 3 too few labelled audits to tell, 5 no route has a certificate.`;

export const trainHelp = `
The scorer is fitted on the requests that are for tuning, whole conversations, and written as data: {type: logistic, features, intercept}. A
step of a route takes it as \`scorer\`, and its word is the signal scorer, which is what confidence means first.

Examples:
  hindcast eval train --chain smart -o scorer.json
  hindcast eval certify --chain smart --signal scorer --scorer scorer.json --max-loss 2pp

Exit codes: 0 done, 2 usage, 5 too little to learn from.`;
