/** `hindcast eval score`: scores recorded responses by rules, your own module, or a judge, and stores the scores. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CommandError, exit, loadSettings, printResult } from '../../../gateway/cli/command.ts';
import { insertScores, type NewScore } from '../../../recorder/store/scores.ts';
import { gatewayJudge } from '../../../replay/judge/gateway-judge.ts';
import { evaluatorOf, judgePair } from '../../../replay/judge/judge-pair.ts';
import { count, percent } from '../../report/shared/format.ts';
import { type Scorer, scorerOf } from '../../scores/rules.ts';
import { readText } from '../shared/options.ts';
import { type AnswerOptions, loadAnswers, type RecordedAnswer } from '../shared/recorded-answers.ts';
import { withStore } from '../shared/store-outcomes.ts';

export interface ScoreOptions extends AnswerOptions {
  readonly scorer?: string;
  readonly judge?: string;
  readonly judgeUrl?: string;
  readonly against?: string;
  readonly expected?: string;
  readonly name: string;
  readonly dryRun?: boolean;
}

interface ScoringResult {
  readonly scores: readonly NewScore[];
  /** Why an answer has none. */
  readonly without: number;
}

export async function runScore(options: ScoreOptions): Promise<void> {
  if ((options.scorer === undefined) === (options.judge === undefined))
    throw new CommandError(exit.usage, 'write --scorer KIND, such as exact or regex=^OK, or --judge MODEL --against TARGET.');
  const settings = loadSettings(options);
  const scorer = options.scorer === undefined ? undefined : await parseScorer(options.scorer);
  const expected = options.expected === undefined ? new Map<string, unknown>() : readExpected(options.expected);
  const result = await withStore(settings, async store => {
    const { answers, unread } = await loadAnswers(store, options);
    const found = scorer
      ? await scoreByRule(answers, scorer, expected, options)
      : await scoreByJudge(answers, options, gatewayJudge(settings, options));
    if (!options.dryRun) await insertScores(store, found.scores);
    return { ...found, unread, answers: answers.length };
  });
  if (result.scores.length === 0)
    throw new CommandError(
      exit.nothing,
      `None of ${count(result.answers, 'answer')} could be scored: ${scorer ? 'nothing says what should have come (--expected)' : `none has an answer of ${options.against} beside it, or the judge said nothing of use`}.`,
    );
  const mean = result.scores.reduce((sum, { value }) => sum + value, 0) / result.scores.length;
  const { scores, ...rest } = result;
  printResult(options, { name: options.name, scored: scores.length, mean, ...rest, kept: !options.dryRun }, () =>
    [
      `${count(scores.length, 'answer')} scored, ${options.name} ${percent(mean)} on average${options.dryRun ? '; nothing was kept' : ''}.`,
      ...(result.without > 0 ? [`${count(result.without, 'answer')} could not be judged.`] : []),
      ...(result.unread > 0 ? [`${count(result.unread, 'answer')} cannot be read by this version.`] : []),
    ].join('\n'),
  );
}

async function parseScorer(text: string): Promise<Scorer> {
  const at = text.indexOf('=');
  const [kind, argument] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  if (kind === 'module') return loadScorerModule(argument ?? '');
  const isFile = kind === 'schema' && argument !== undefined && !/^\s*\{/.test(argument);
  const scorer = scorerOf(kind, isFile ? readText(argument, 'a JSON Schema') : argument);
  if (typeof scorer === 'string') throw new CommandError(exit.usage, `--scorer: ${scorer}.`);
  return scorer;
}

/** A module of the user's own: its default export gets {id, question, answer, expected} and gives a number, true, false, or nothing. */
async function loadScorerModule(file: string): Promise<Scorer> {
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(resolve(file)).href)) as typeof loaded;
  } catch (error) {
    throw new CommandError(exit.usage, `--scorer module=${file}: it cannot be loaded: ${(error as Error).message}.`);
  }
  const own = loaded.default;
  if (typeof own !== 'function') throw new CommandError(exit.usage, `--scorer module=${file}: its default export is no function.`);
  return async scored => {
    const value: unknown = await own(scored);
    if (value === undefined || value === null) return undefined;
    const number = typeof value === 'boolean' ? Number(value) : value;
    if (typeof number === 'number' && number >= 0 && number <= 1) return number;
    throw new CommandError(
      exit.usage,
      `--scorer module=${file}: for ${scored.id} it gave ${JSON.stringify(value)}, no number from 0 to 1.`,
    );
  };
}

function readExpected(file: string): Map<string, unknown> {
  const known = new Map<string, unknown>();
  for (const [i, line] of readText(file, 'JSONL of {id, expected}').split('\n').entries()) {
    if (line.trim() === '') continue;
    let row: { readonly id?: unknown; readonly expected?: unknown };
    try {
      row = JSON.parse(line) as typeof row;
    } catch {
      throw new CommandError(exit.usage, `${file}:${i + 1}: the line is no JSON; write {"id": "…", "expected": …}.`);
    }
    if (typeof row?.id !== 'string' || row.expected === undefined)
      throw new CommandError(exit.usage, `${file}:${i + 1}: write {"id": "…", "expected": …}; the id is the request's.`);
    known.set(row.id, row.expected);
  }
  return known;
}

async function scoreByRule(
  answers: readonly RecordedAnswer[],
  scorer: Scorer,
  expected: ReadonlyMap<string, unknown>,
  { scorer: kind, name }: ScoreOptions,
): Promise<ScoringResult> {
  const scores: NewScore[] = [];
  for (const about of answers) {
    const { item, question, answer } = about;
    const value = await scorer({ id: item, question, answer, ...(expected.has(item) ? { expected: expected.get(item) } : {}) });
    if (value !== undefined) scores.push({ about, name, value, source: 'rule', evaluator: kind!.slice(0, 200) });
  }
  return { scores, without: answers.length - scores.length };
}

/** Calls to the judge under way at once. */
const concurrency = 4;

async function scoreByJudge(
  answers: readonly RecordedAnswer[],
  { judge, against, name }: ScoreOptions,
  callJudge: ReturnType<typeof gatewayJudge>,
): Promise<ScoringResult> {
  if (against === undefined)
    throw new CommandError(exit.usage, '--judge needs --against TARGET, whose answers the others are held against.');
  const isReference = ({ target, arm }: RecordedAnswer): boolean => target === against || arm === against;
  const arms = new Set(answers.flatMap(({ target, arm }) => [target, arm]));
  if (arms.has(judge!)) throw new CommandError(exit.usage, `--judge ${judge}: it is one of those that are judged; name another.`);
  const references = new Map(answers.filter(isReference).map(row => [row.item, row.answer.text]));
  const pairs = answers.flatMap(about => {
    const reference = references.get(about.item);
    return reference === undefined || isReference(about) ? [] : [{ about, reference }];
  });
  const evaluator = evaluatorOf(judge!);
  const compared = new Set(pairs.map(({ about }) => about.item));
  const scores: NewScore[] = answers
    .filter(about => isReference(about) && compared.has(about.item))
    .map(about => ({ about, name, value: 1, source: 'judge', evaluator, explanation: 'the reference itself' }));
  let without = 0;
  for (let i = 0; i < pairs.length; i += concurrency) {
    const verdicts = await Promise.all(
      pairs.slice(i, i + concurrency).map(async ({ about, reference }) => {
        const { id, question, answer } = about;
        return { about, ...(await judgePair({ id, question, answer: answer.text, reference }, callJudge)) };
      }),
    );
    for (const { about, value, opinions } of verdicts) {
      if (value === undefined) without++;
      else scores.push({ about, name, value, source: 'judge', evaluator, explanation: opinions.join(', ') });
    }
  }
  return { scores: pairs.length === 0 ? [] : scores, without };
}
