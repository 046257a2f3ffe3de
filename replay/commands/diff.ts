/** `hindcast replay diff` and `hindcast replay export`. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CommandError, exit, loadSettings, note } from '../../gateway/cli/command.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { writeAudit } from '../../recorder/audit/write.ts';
import { recordOutputFile } from '../../recorder/export/exported-files.ts';
import { openStore } from '../../recorder/process/open-store.ts';
import type { Store } from '../../recorder/store/store.ts';
import { type PairedReplay, pairsBetweenRuns, pairsOfRun, verdictName, verdictNameAgainst } from '../comparison/pairs.ts';
import { judgePairs, judgePlan, type PairJudge } from '../judge/judge-pairs.ts';
import { parseCount, parseTime } from '../recorded/selection.ts';
import { type Comparison, comparison } from '../report/comparison.ts';
import { money } from '../report/format.ts';
import { diffHtml } from '../report/html.ts';
import { diffLines, diffMarkdown, diffText } from '../report/text.ts';
import { runNamed } from '../run/run-table.ts';
import { parseCap } from './execute-run.ts';

export interface DiffOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly limit: string;
  readonly since?: string;
  readonly format?: string;
  readonly output?: readonly string[];
  readonly unordered?: readonly string[];
  readonly judge?: string;
  readonly judgeUrl?: string;
  readonly maxCost?: string;
  readonly allowUnpriced?: boolean;
}

/** What the composition root passes in. */
export interface DiffDependencies {
  readonly judge: PairJudge;
}

const formats = ['pretty', 'json', 'jsonl', 'md', 'html'] as const;
type Format = (typeof formats)[number];

/** Prints the comparison of a run with the record or another run, and writes the report files. */
export async function diffRun(name: string, other: string | undefined, options: DiffOptions, { judge }: DiffDependencies): Promise<void> {
  const limit = parseCount(options.limit, '--limit');
  const format = options.json ? 'json' : formatNamed(options.format ?? 'pretty', '--format');
  const outputs = (options.output ?? []).map(file => ({ file, format: formatNamed(file.slice(file.lastIndexOf('.') + 1), '--output') }));
  const unordered = new Set((options.unordered ?? []).map(pathNamed));
  const settings = loadSettings(options);
  const store = await openStore(settings);
  try {
    const since = options.since === undefined ? undefined : parseTime(options.since, '--since', wallClock.now());
    const read = async (reference: string): Promise<{ run: string; pairs: readonly PairedReplay[] }> => {
      const run = await runNamed(store, reference);
      return { run, pairs: await pairsOfRun(store, settings, run, { since, withBare: other !== undefined, unordered }) };
    };
    const first = await read(name);
    const second = other === undefined ? undefined : await read(other);
    const found = second ? await pairsBetweenRuns(store, first, second, unordered) : first.pairs;
    if (found.length === 0) throw new CommandError(exit.nothing, `The runs ${name} and ${other} have no request and arm in common.`);
    const scoreName = second ? verdictNameAgainst(first.run) : verdictName;
    const pairs =
      options.judge === undefined ? found : await withVerdicts(store, settings, found, judge, options.judge, scoreName, unordered, options);
    const byArm = new Map([...Map.groupBy(pairs, one => one.arm)].map(([arm, some]) => [arm, some.map(one => one.pair)]));
    const compared = comparison(second?.run ?? first.run, second ? `run ${first.run}` : 'the record', byArm);
    process.stdout.write(`${rendered(compared, format, limit)}\n`);
    for (const output of outputs) {
      recordOutputFile(settings.store.path, output.file, 'whole');
      writeFileSync(output.file, `${rendered(compared, output.format, limit)}\n`);
      note(`Written: ${output.file}`);
    }
  } finally {
    await store.close();
  }
}

/** Judges the undecided pairs. The cost is printed before the first call, and never exceeded. */
async function withVerdicts(
  store: Store,
  settings: Settings,
  pairs: readonly PairedReplay[],
  pairJudge: PairJudge,
  judge: string,
  name: string,
  unordered: ReadonlySet<string>,
  options: DiffOptions,
): Promise<readonly PairedReplay[]> {
  const at = wallClock.now();
  const plan = judgePlan(pairs, judge, settings, pairJudge.prompt, at);
  if (plan.pairs.length === 0) {
    note('No pair needs a judge.');
    return pairs;
  }
  if (plan.worst === undefined && !options.allowUnpriced)
    throw new CommandError(exit.usage, `--judge ${judge}: its price is unknown; add it to prices, or pass --allow-unpriced.`);
  const price = plan.worst === undefined ? 'at an unknown price' : `about ${money(plan.expected!)}, at most ${money(plan.worst)}`;
  note(`${judge} judges ${plan.pairs.length} pairs in both orders: ${plan.calls} calls, ${price}.`);
  const result = await judgePairs(store, settings, pairs, plan, pairJudge, {
    ...{ judge, name, unordered, at, cap: parseCap(options.maxCost) },
    ...(options.judgeUrl === undefined ? {} : { judgeUrl: options.judgeUrl }),
  });
  note(
    `Judged ${result.pairsJudged} pairs for ${money(result.spent)}${result.withoutVerdict > 0 ? `, ${result.withoutVerdict} without a verdict` : ''}.`,
  );
  if (result.left > 0) note(`${result.left} pairs are left undecided: the next might have exceeded --max-cost ${options.maxCost}.`);
  return result.pairs;
}

function pathNamed(text: string): string {
  if (/^\$(?:\.[^.[\]]+|\[\*\])*$/.test(text)) return text;
  throw new CommandError(exit.usage, `--unordered ${text}: write the path of a list, such as '$.items' or '$.orders[*].tags'.`);
}

function rendered(compared: Comparison, format: Format, limit: number): string {
  switch (format) {
    case 'pretty':
      return diffText(compared, limit);
    case 'json':
      return JSON.stringify({ version: 1, ...compared }, null, 2);
    case 'jsonl':
      return diffLines(compared);
    case 'md':
      return diffMarkdown(compared, limit);
    case 'html':
      return diffHtml(compared, limit);
  }
}

function formatNamed(text: string, flag: string): Format {
  const format = formats.find(one => one === text || (one === 'md' && text === 'markdown') || (one === 'pretty' && text === 'txt'));
  if (!format) throw new CommandError(exit.usage, `${flag} ${text}: write one of ${formats.join(', ')}; a file's extension chooses it.`);
  return format;
}

export interface ExportOptions {
  readonly config?: string;
  readonly since?: string;
  readonly output?: string;
}

/** Writes one line per pair with both responses, which `--from` of another run reads. */
export async function exportRun(name: string, options: ExportOptions): Promise<void> {
  const settings: Settings = loadSettings(options);
  const store: Store = await openStore(settings);
  try {
    const run = await runNamed(store, name);
    const since = options.since === undefined ? undefined : parseTime(options.since, '--since', wallClock.now());
    const lines = (await pairsOfRun(store, settings, run, { since, withBare: true })).map(({ arm, repeat, original, replay, pair }) => {
      const { answer, attempts, ...request } = original;
      const { body: _, answer: replayed, attempts: replayAttempts, ...rest } = replay;
      return `${JSON.stringify({ version: 1, run, arm, repeat, weight: pair.weight, request, answer, attempts, replay: { id: rest.id, receivedAt: rest.receivedAt, attempts: replayAttempts }, replayed, diff: pair.diff })}\n`;
    });
    if (options.output === undefined) for (const line of lines) process.stdout.write(line);
    else {
      recordOutputFile(settings.store.path, options.output, 'jsonl');
      await writeAudit(store, settings.store.path, {
        ...{ action: 'export', tenant: '', subject: resolve(options.output) },
        detail: { format: 'jsonl', run, pairs: lines.length },
      });
      writeFileSync(options.output, lines.join(''));
      note(`${lines.length} lines written: ${options.output}`);
    }
  } finally {
    await store.close();
  }
}
