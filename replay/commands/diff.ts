/** `hindcast replay diff` and `hindcast replay export`. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CommandError, exit, note, settingsOf } from '../../gateway/cli.ts';
import { wallClock } from '../../gateway/clock.ts';
import type { Settings } from '../../gateway/settings.ts';
import { writeAudit } from '../../recorder/audit/write.ts';
import { noteOutput } from '../../recorder/exports.ts';
import { openStore } from '../../recorder/open.ts';
import type { Store } from '../../recorder/store.ts';
import { betweenRuns, type Paired, pairedRun } from '../pairs.ts';
import { type Comparison, comparison } from '../report/compare.ts';
import { diffHtml } from '../report/html.ts';
import { diffLines, diffMarkdown, diffText } from '../report/text.ts';
import { runNamed } from '../runs.ts';
import { parseCount, parseTime } from '../selection.ts';
import type { Statistics } from '../totals.ts';

export interface DiffOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly limit: string;
  readonly since?: string;
  readonly format?: string;
  readonly output?: readonly string[];
}

const formats = ['pretty', 'json', 'jsonl', 'md', 'html'] as const;
type Format = (typeof formats)[number];

export async function diffRun(name: string, other: string | undefined, options: DiffOptions, statistics: Statistics): Promise<void> {
  const limit = parseCount(options.limit, '--limit');
  const format = options.json ? 'json' : formatNamed(options.format ?? 'pretty', '--format');
  const outputs = (options.output ?? []).map(file => ({ file, format: formatNamed(file.slice(file.lastIndexOf('.') + 1), '--output') }));
  const settings = settingsOf(options);
  const store = await openStore(settings);
  try {
    const since = options.since === undefined ? undefined : parseTime(options.since, '--since', wallClock.now());
    const read = async (named: string): Promise<{ run: string; pairs: readonly Paired[] }> => {
      const run = await runNamed(store, named);
      return { run, pairs: await pairedRun(store, settings, run, since, other !== undefined) };
    };
    const first = await read(name);
    const second = other === undefined ? undefined : await read(other);
    const pairs = second ? betweenRuns(first.pairs, second.pairs) : first.pairs;
    if (pairs.length === 0)
      throw new CommandError(exit.nothing, `The runs ${name} and ${other} have asked no request in common of the same arm.`);
    const byArm = new Map([...Map.groupBy(pairs, one => one.arm)].map(([arm, some]) => [arm, some.map(one => one.pair)]));
    const compared = comparison(second?.run ?? first.run, second ? `run ${first.run}` : 'the record', byArm, statistics);
    process.stdout.write(`${rendered(compared, format, limit)}\n`);
    for (const output of outputs) {
      noteOutput(settings.store.path, output.file, 'whole');
      writeFileSync(output.file, `${rendered(compared, output.format, limit)}\n`);
      note(`Written: ${output.file}`);
    }
  } finally {
    await store.close();
  }
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
  if (!format) throw new CommandError(exit.usage, `${flag} ${text}: write one of ${formats.join(', ')}; a file's ending names it.`);
  return format;
}

export interface ExportOptions {
  readonly config?: string;
  readonly since?: string;
  readonly output?: string;
}

/** A line for each pair, with both answers whole; `--from` of another run reads it again. */
export async function exportRun(name: string, options: ExportOptions): Promise<void> {
  const settings: Settings = settingsOf(options);
  const store: Store = await openStore(settings);
  try {
    const run = await runNamed(store, name);
    const since = options.since === undefined ? undefined : parseTime(options.since, '--since', wallClock.now());
    const lines = (await pairedRun(store, settings, run, since, true)).map(({ arm, repeat, original, again, pair }) => {
      const { answer, attempts, ...request } = original;
      const { body: _, answer: replayed, attempts: tries, ...rest } = again;
      return `${JSON.stringify({ version: 1, run, arm, repeat, weight: pair.weight, request, answer, attempts, replay: { id: rest.id, receivedAt: rest.receivedAt, attempts: tries }, replayed, diff: pair.diff })}\n`;
    });
    if (options.output === undefined) for (const line of lines) process.stdout.write(line);
    else {
      noteOutput(settings.store.path, options.output, 'jsonl');
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
