/** The bench's tables: a row for each subject in each cell, and the gates. */
import { table } from '../../gateway/cli/command.ts';
import { type Cell, chunksOf } from './cells.ts';
import type { GateResult } from './gates.ts';
import { median, type Sample } from './measure.ts';

const range = (values: readonly number[], digits: number): string =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}..${Math.max(...values).toFixed(digits)})`;

/** Promises for each request, by `subject cell`. */
export type PromiseCounts = ReadonlyMap<string, number | undefined>;

export function cellTable(cell: Cell, subjects: readonly string[], samples: readonly Sample[], promises: PromiseCounts): string {
  const of = (subject: string): readonly Sample[] =>
    samples.filter(s => s.subject === subject && s.cell === cell.name && s.invalid === undefined);
  const isStream = chunksOf(cell) > 1;
  const bare = of('bare').map(s => s.cpuUsPerChunk);
  const rows = subjects.flatMap(subject => {
    const mine = of(subject);
    if (mine.length === 0) return [];
    const cpu = mine.map(s => s.cpuUsPerChunk);
    const last = mine.at(-1)!;
    const med = (pick: (sample: Sample) => number): number => median(mine.map(pick));
    return [
      [
        subject,
        range(cpu, isStream ? 1 : 0),
        bare.length > 0 ? (median(cpu) / median(bare)).toFixed(2) : '–',
        last.allocatedKbPerChunk === undefined ? '–' : med(s => s.allocatedKbPerChunk ?? 0).toFixed(1),
        promises.get(`${subject} ${cell.name}`)?.toFixed(1) ?? '–',
        med(s => s.requestsPerSecond).toFixed(0),
        med(s => s.p50Ms).toFixed(2),
        med(s => s.p99Ms).toFixed(2),
        med(s => s.firstByteMs).toFixed(2),
        `${Math.max(...mine.map(s => s.peakMb))}${last.childPeakMb > 0 ? ` + ${Math.max(...mine.map(s => s.childPeakMb))}` : ''}`,
        last.recorded === undefined ? '–' : `${last.recorded} of ${last.sent}`,
      ],
    ];
  });
  const head = [
    '',
    `CPU µs/${isStream ? 'chunk' : 'request'}`,
    'x bare',
    `KB/${isStream ? 'chunk' : 'request'}`,
    'promises/request',
    'req/s',
    'p50 ms',
    'p99 ms',
    'first byte ms',
    'peak MB',
    'records',
  ];
  return `${describe(cell)}\n${rows.length > 0 ? table(head, rows) : 'no valid run'}`;
}

export function describe({ name, concurrency, promptBytes, answer, provider }: Cell): string {
  const what = answer.type === 'json' ? 'JSON' : `SSE, ${answer.chunks} chunks ${answer.gapMs} ms apart`;
  const where = provider === 'openai' ? '' : `, translated for ${provider}`;
  return `${name}: ${what}, prompt of ${promptBytes / 1000} KB, ${concurrency} at once${where}`;
}

export function gateTable(verdicts: readonly GateResult[]): string {
  const rows = verdicts.map(({ gate, max, unit, median, lowest, highest, verdict }) => {
    const digits = unit === 'MB' ? 0 : 2;
    const shown = (value: number): string => value.toFixed(digits);
    return [gate, `${shown(median)} (${shown(lowest)}..${shown(highest)})`, `≤ ${max}`, unit, verdict];
  });
  return table(['', 'measured', 'gate', '', ''], rows);
}
