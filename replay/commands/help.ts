/** The examples in `--help` of the replay commands. */

export const runHelp = `
Examples:
  hindcast replay run --since 1h --against anthropic/claude-haiku-4-5
  hindcast replay run --since 7d --route chat --against config:routes.next.yaml --max-cost 5 --aa 10%
  hindcast replay run --since 7d --sample 500 --stratify tenant,route --against sim/small --only-missing
  hindcast replay run --from helicone.jsonl --against sim/large
  hindcast replay run --since 1h --against http://127.0.0.1:11434/v1 --allow-unpriced      (HINDCAST_URL_KEY holds its key)

A run is stored under runs/ of store.path. After any stop, \`hindcast replay resume\` sends the remaining calls and none twice.
Tools are never executed: the history keeps the recorded results.

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
  hindcast replay diff 20260131-120000-4f2a 20260207-120000-9c01      compare two runs
  hindcast replay diff shadow --since 1d                              responses of shadow traffic

  hindcast replay diff latest --judge openai/gpt-5 --max-cost 2        a judge decides on different texts
  hindcast replay diff latest --unordered '$.items'                   ignore the order of this list

Similar texts never count as the same: a response passes when it is equal, equal except for layout, or judged equivalent.
Other differences are undecided until a judge sees both responses in both orders. Its verdicts are scores named \`equivalent\`.`;
