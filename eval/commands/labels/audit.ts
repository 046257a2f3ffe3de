/** `hindcast eval audit`: how reliable a judge is by human labels, and the quality corrected by them. */
import { CommandError, exit, loadSettings, printResult, table } from '../../../gateway/cli/command.ts';
import { clustersOf, kappa, type LabelledMean, labelledMean, sum, tabulate } from '../../../statistics/index.ts';
import { chunks, selectScores } from '../../outcomes/query.ts';
import { count, none, percent, points, withInterval } from '../../report/shared/format.ts';
import { parseConfidence } from '../shared/options.ts';
import { type AnswerOptions, loadAnswers } from '../shared/recorded-answers.ts';
import { withStore } from '../shared/store-outcomes.ts';

export interface AuditOptions extends AnswerOptions {
  readonly name: string;
  readonly confidence: string;
}

interface AuditResult {
  readonly target: string;
  readonly judged: number;
  readonly labelled: number;
  readonly judgeMean: number;
  readonly kappa: number;
  readonly mean: LabelledMean;
}

export async function runAudit(options: AuditOptions): Promise<void> {
  const confidence = parseConfidence(options.confidence);
  const settings = loadSettings(options);
  const audited = await withStore(settings, async store => {
    const { answers } = await loadAnswers(store, options);
    const scores = new Map<string, number>();
    for (const ids of chunks(answers.map(({ id }) => id)))
      for (const { exchange, source, score } of await selectScores(store, ids, options.name)) scores.set(`${exchange} ${source}`, score);
    return [...Map.groupBy(answers, ({ arm, target }) => arm || target)].flatMap(([target, own]) => auditTarget(target, own, scores) ?? []);
  });
  if (audited.length === 0)
    throw new CommandError(
      exit.nothing,
      `No answer has a judge's score named ${options.name}: hindcast eval score --judge MODEL --against TARGET.`,
    );
  const rows = audited.map(({ mean: { powered, inference, method, labelled }, ...rest }) => ({
    ...rest,
    method,
    kappa: Number.isNaN(rest.kappa) ? null : rest.kappa,
    bias: powered?.bias ?? null,
    lambda: powered?.lambda ?? null,
    quality: labelled === 0 ? null : inference.interval(confidence),
  }));
  printResult(options, { name: options.name, confidence, targets: rows }, () =>
    [
      rows.some(row => row.quality)
        ? `Quality as people see it: ${rows.map(row => `${row.target} ${withInterval(row.quality, percent)}`).join('; ')}.`
        : 'No person has looked at these answers: all that is said of them is said by the judge. `hindcast eval label` changes that.',
      '',
      table(
        ['target', 'judged', 'labelled', 'judge mean', 'κ', "judge's bias", 'quality'],
        rows.map(row => [
          row.target,
          String(row.judged),
          String(row.labelled),
          percent(row.judgeMean),
          row.kappa === null ? none : row.kappa.toFixed(2),
          row.bias === null ? none : points(-row.bias),
          withInterval(row.quality, percent),
        ]),
      ),
      '',
      `Quality is estimated from ${count(sum(rows.map(r => r.labelled)), 'human label')}: ${[...new Set(rows.map(r => r.method))].join(', ')}. The judge's scores of all answers help once there are 100 labels and 20 disagreements.`,
    ].join('\n'),
  );
}

type Answers = Awaited<ReturnType<typeof loadAnswers>>['answers'];

function auditTarget(target: string, own: Answers, scores: ReadonlyMap<string, number>): AuditResult | undefined {
  const judged = own.filter(({ id }) => scores.has(`${id} judge`));
  if (judged.length === 0) return undefined;
  const f = tabulate(judged.length, i => scores.get(`${judged[i]!.id} judge`)!);
  const y = tabulate(judged.length, i => scores.get(`${judged[i]!.id} human`) ?? Number.NaN);
  const both = [...y.keys()].filter(i => !Number.isNaN(y[i]!));
  const at = (values: Float64Array): Float64Array => Float64Array.from(both, i => values[i]!);
  return {
    ...{ target, judged: judged.length, labelled: both.length, judgeMean: sum(f) / f.length },
    kappa: both.length === 0 ? Number.NaN : kappa(at(f), at(y)),
    mean: labelledMean(f, y, clustersOf(judged.map(({ item }) => item))),
  };
}
