/** Examples that each command of replay shows with `--help`. */

export const runHelp = `
Examples:
  hindcast replay run --since 1h --against anthropic/claude-haiku-4-5
  hindcast replay run --since 7d --route chat --against config:routes.next.yaml --max-cost 5 --aa 10%
  hindcast replay run --since 7d --sample 500 --stratify tenant,route --against sim/small --only-missing
  hindcast replay run --from helicone.jsonl --against sim/large
  hindcast replay run --since 1h --against http://127.0.0.1:11434/v1 --allow-unpriced      (its key, if any, in HINDCAST_URL_KEY)

A run is kept under runs/ of store.path. Whatever stops it, \`hindcast replay resume\` asks what is left and nothing twice.
Tools are never executed: recorded results stay in the history.

Exit codes: 0 done, 4 stopped by --max-cost or --max-error-rate, 5 nothing selected, 130 interrupted.`;

export const planHelp = `
Examples:
  hindcast replay plan --since 7d --against openai/gpt-5-mini
  hindcast replay plan --dataset support-golden@3 --against config:routes.next.yaml`;

export const resumeHelp = `
Examples:
  hindcast replay resume
  hindcast replay resume 20260131-120000-4f2a --max-cost 10 --retry-errors`;

export const diffHelp = `
Examples:
  hindcast replay diff latest
  hindcast replay diff latest -o report.html -o report.md
  hindcast replay diff 20260131-120000-4f2a 20260207-120000-9c01      two runs beside one another
  hindcast replay diff shadow --since 1d                              what routes' shadows would have said

  hindcast replay diff latest --judge openai/gpt-5 --max-cost 2        who decides what other words mean
  hindcast replay diff latest --unordered '$.items'                   a list whose order says nothing

Similar letters never count as the same: an answer passes by being equal, equal but for layout, or judged so; other words
are undecided until then. A judge sees both answers in both orders, and its word is kept (a score named \`equivalent\`).`;
