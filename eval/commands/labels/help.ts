/** Help texts after the flags of the label and simulation commands. */

export const scoreHelp = `
Scorers: exact, contains, regex=PATTERN, numeric[=TOLERANCE], json, schema=FILE, tools, similarity, module=FILE. exact, contains, numeric, tools and
similarity need --expected FILE: JSONL of {"id": "the request's id", "expected": …}. A module's default export gets {id, question, answer, expected}.

A judge is blind, sees both orders, may call a tie, and is none of those that are judged. It is asked through the running gateway (its key in
HINDCAST_API_KEY). Its model and prompt are part of each score's evaluator.

Examples:
  hindcast eval score --run latest --scorer numeric --expected answers.jsonl
  hindcast eval score --since 1d --scorer regex='^(yes|no)$' --name format
  hindcast eval score --run latest --judge openai/gpt-5 --against anthropic/claude-opus-5

Exit codes: 0 done, 2 usage, 4 the judge could not be asked, 5 nothing could be scored.`;

export const labelHelp = `
Answers come in an order that tells nothing of whose they are. Labels of people count before a judge's.

Examples:
  hindcast eval label --run latest --sample 50
  hindcast eval label --run latest -o labels.csv     then     hindcast eval label --run latest --import labels.csv`;

export const auditHelp = `
Example:
  hindcast eval audit --run latest`;

export const simulateHelp = `
Nobody is asked. What was never recorded or replayed is counted as unsupported, never guessed; what is deployed is simulated as well, and
held against what was recorded: differences smaller than that error are not ranked.

Examples:
  hindcast eval simulate --candidate routes.next.yaml
  hindcast eval simulate --candidate routes.next.yaml --route smart --since 7d --json

Exit codes: 0 done, 2 usage, 3 the two are too close to be ranked, 5 no request can be simulated.`;
