/** Judging of undecided pairs: which pairs, the estimated and maximum cost, and the scores. */
import { CommandError, exit } from '../../gateway/cli/command.ts';
import { cost, type NanoUsd, type Price } from '../../gateway/core/money/price.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import { providerOf } from '../../gateway/core/targets/target-name.ts';
import { createPriceBook } from '../../gateway/prices/price-book.ts';
import { readPriceFile } from '../../gateway/prices/price-file.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import type { Store } from '../../recorder/store/store.ts';
import { diff } from '../comparison/diff.ts';
import { type PairedReplay, verdictOf } from '../comparison/pairs.ts';
import type { Answer } from '../recorded/answer.ts';
import { requestText } from '../recorded/request-text.ts';
import { SpendCap } from '../run/spend-cap.ts';

type Messages = readonly { readonly role: 'system' | 'user'; readonly content: string }[];

/** The judge that the composition root passes in. */
export interface PairJudge {
  readonly prompt: string;
  /** The evaluator id: the judge's model and a hash of the prompt. */
  evaluatorOf(model: string): string;
  /** A function that calls the judge. `onCost` gets the cost of each call in USD, where known. */
  connect(
    settings: Settings,
    options: { readonly judge: string; readonly judgeUrl?: string; readonly outputTokensMax: number },
    onCost: (usd: number) => void,
  ): (messages: Messages) => Promise<string>;
  /** 1: as good as the reference. 0: worse. One half when the two orders disagree. Undefined when a reply had no verdict. */
  judgePair(
    pair: { readonly id: string; readonly question: string; readonly answer: string; readonly reference: string },
    callJudge: (messages: Messages) => Promise<string>,
  ): Promise<{ readonly value: number | undefined; readonly opinions: readonly (string | undefined)[] }>;
  insertScores(store: Store, scores: readonly JudgeScore[]): Promise<void>;
}

export interface JudgeScore {
  readonly about: { readonly id: string; readonly tenant: string; readonly at: Instant };
  readonly name: string;
  readonly value: number;
  readonly source: 'judge';
  readonly evaluator: string;
  readonly explanation: string;
}

export interface JudgePlan {
  readonly pairs: readonly PairedReplay[];
  /** Both orders of every pair. */
  readonly calls: number;
  /** With short replies, and with the longest ones; undefined when the price is unknown. */
  readonly expected: NanoUsd | undefined;
  readonly worst: NanoUsd | undefined;
}

/** The output limit of the judge, which may reason before its verdict. */
const outputTokensMax = 2_048;
const outputTokensUsual = 20;
const charactersPerToken = 4;
/** Assumed minimum characters per token, in any script. */
const charactersPerTokenMin = 1;
/** Pairs judged at the same time. */
const concurrency = 4;

/** The plan for the pairs that are undecided and not judged. Throws a CommandError when the judge has answered a pair itself. */
export function judgePlan(pairs: readonly PairedReplay[], judge: string, settings: Settings, prompt: string, at: Instant): JudgePlan {
  const answered = new Set(pairs.flatMap(({ pair }) => [pair.recorded.target, pair.replayed.target]));
  if (answered.has(judge)) throw new CommandError(exit.usage, `--judge ${judge}: a model cannot judge its own responses; name another.`);
  const open = pairs.filter(({ pair }) => pair.diff.decidedBy === 'similarity');
  const price = priceOf(judge, settings, at);
  const sum = (of: (one: PairedReplay, price: Price) => NanoUsd): NanoUsd | undefined =>
    price && open.reduce((total, one) => total + of(one, price), 0);
  return {
    pairs: open,
    calls: 2 * open.length,
    expected: sum((one, price) => 2 * priced(price, lengthOf(one, prompt) / charactersPerToken, outputTokensUsual)),
    worst: sum((one, price) => worstOf(one, price, prompt)),
  };
}

export interface JudgingResult {
  readonly pairs: readonly PairedReplay[];
  readonly pairsJudged: number;
  /** Pairs for which the judge gave no verdict. */
  readonly withoutVerdict: number;
  /** Pairs that were not judged because of the cap. */
  readonly left: number;
  readonly spent: NanoUsd;
}

export interface JudgingOptions {
  readonly judge: string;
  readonly judgeUrl?: string;
  readonly cap: NanoUsd;
  /** The name of the scores. */
  readonly name: string;
  readonly unordered: ReadonlySet<string>;
  readonly at: Instant;
}

/** All pairs, with the verdicts of the judged ones, which are also written to the store. Cost is reserved before each pair. */
export async function judgePairs(
  store: Store,
  settings: Settings,
  all: readonly PairedReplay[],
  { pairs: open }: JudgePlan,
  pairJudge: PairJudge,
  options: JudgingOptions,
): Promise<JudgingResult> {
  const { judge, judgeUrl, cap, name, unordered, at } = options;
  const price = priceOf(judge, settings, at);
  const spendCap = new SpendCap(cap);
  const evaluator = pairJudge.evaluatorOf(judge);
  const verdicts = new Map<string, PairedReplay>();
  const queue = [...open];
  let [judgedCount, withoutVerdict] = [0, 0];
  const judgeOne = async (paired: PairedReplay): Promise<void> => {
    const worst = price ? worstOf(paired, price, pairJudge.prompt) : 0;
    if (!spendCap.reserve(worst)) return void queue.splice(0, queue.length);
    judgedCount++;
    let cost = 0;
    const { pair, replay, original } = paired;
    const callJudge = pairJudge.connect(settings, { judge, outputTokensMax, ...(judgeUrl === undefined ? {} : { judgeUrl }) }, usd => {
      cost += Math.round(usd * 1e9);
    });
    const question = requestText(original.dialect, original.body);
    const outcome = await pairJudge.judgePair(
      { id: replay.id, question, answer: answerText(pair.replayed), reference: answerText(pair.recorded) },
      callJudge,
    );
    spendCap.settle(worst, cost);
    if (outcome.value === undefined) return void withoutVerdict++;
    const about = { id: replay.id, tenant: replay.tenant, at: replay.receivedAt };
    await pairJudge.insertScores(store, [
      { about, name, value: outcome.value, source: 'judge', evaluator, explanation: outcome.opinions.join(', ') },
    ]);
    const verdict = diff(pair.recorded, pair.replayed, { judged: verdictOf(outcome.value), unordered });
    verdicts.set(replay.id, { ...paired, pair: { ...pair, diff: verdict } });
  };
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await judgeOne(next);
    }),
  );
  const { spent } = spendCap;
  return {
    pairs: all.map(paired => verdicts.get(paired.replay.id) ?? paired),
    pairsJudged: judgedCount,
    withoutVerdict,
    left: open.length - judgedCount,
    spent,
  };
}

function priceOf(judge: string, { providers, prices, store }: Settings, at: Instant): Price | undefined {
  const account = providers.get(providerOf(judge));
  const model = judge.slice(judge.indexOf('/') + 1);
  const book = createPriceBook(prices, readPriceFile(store.path));
  return account && (book(account.name, model, at) ?? book(account.provider.priceBook, model, at));
}

const answerText = ({ text, toolCalls }: Answer): string =>
  [text, ...toolCalls.map(({ name, arguments: callArguments }) => `${name}(${callArguments})`)].filter(part => part !== '').join('\n');

const lengthOf = ({ original, pair }: PairedReplay, prompt: string): number =>
  prompt.length + original.body.length + answerText(pair.recorded).length + answerText(pair.replayed).length + 200;

const worstOf = (one: PairedReplay, price: Price, prompt: string): NanoUsd =>
  2 * priced(price, lengthOf(one, prompt) / charactersPerTokenMin, outputTokensMax);

const priced = (price: Price, input: number, output: number): NanoUsd =>
  cost({ input: Math.ceil(input), output, cached: 0, cacheWrite: 0, reasoning: 0, source: 'estimated' }, price).total;
