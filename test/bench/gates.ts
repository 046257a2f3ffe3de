/** What the figures are held against: ratios within one round, so that a slow minute of the machine slows both sides. */
import { median, type Sample } from './measure.ts';

export interface Gate {
  readonly name: string;
  readonly max: number;
  readonly unit: '' | 'ms' | 'KB' | 'MB';
  /** One figure from the samples of a round; undefined when one that it needs is not there. */
  figure(round: Round): number | undefined;
}

/** The valid sample of a subject in a cell. */
type Round = (subject: string, cell: string) => Sample | undefined;

const cpu =
  (subject: string, cell: string, to: string, toCell = cell) =>
  (round: Round) => {
    const [above, below] = [round(subject, cell), round(to, toCell)];
    return above && below && above.cpuUsPerChunk / below.cpuUsPerChunk;
  };

const firstByteRatio = (subject: string, to: string, cell: string) => (round: Round) => {
  const [above, below] = [round(subject, cell), round(to, cell)];
  return above && below && above.firstByteMs / below.firstByteMs;
};

const minus = (subject: string, to: string, cell: string) => (round: Round) => {
  const [mine, theirs] = [round(subject, cell), round(to, cell)];
  return mine && theirs && mine.firstByteMs - theirs.firstByteMs;
};

export const gates: readonly Gate[] = [
  { name: 'CPU per request, traced and recorded / bare', max: 1.4, unit: '', figure: cpu('on', 'base', 'bare') },
  { name: 'CPU per request, translated / bare', max: 1.8, unit: '', figure: cpu('on', 'translated', 'bare', 'base') },
  { name: 'CPU per upstream call, step with accept / bare', max: 1.6, unit: '', figure: cpu('on', 'accept', 'bare') },
  { name: 'CPU per request, nothing recorded / bare', max: 1, unit: '', figure: cpu('off', 'base', 'bare') },
  { name: 'CPU per request, embedded engine / bare', max: 1.8, unit: '', figure: cpu('embedded', 'base', 'bare') },
  { name: 'CPU per request, three tails open / none', max: 1.05, unit: '', figure: cpu('tails', 'base', 'on') },
  { name: 'TTFT, three tails and a list each second / none', max: 1.05, unit: '', figure: firstByteRatio('lists', 'embedded', 'one') },
  { name: 'CPU per streamed chunk, 10 ms gap / bare', max: 1.15, unit: '', figure: cpu('on', 'sse', 'bare') },
  { name: 'allocated per request, traced and recorded', max: 50, unit: 'KB', figure: round => round('on', 'base')?.allocatedKbPerChunk },
  { name: 'TTFT over bare, one caller', max: 0.5, unit: 'ms', figure: minus('on', 'bare', 'sse-one') },
  { name: 'caller gone → upstream aborted, longest of 50', max: 100, unit: 'ms', figure: round => round('on', 'sse-one')?.leftMs },
  { name: 'peak memory of the gateway, base', max: 200, unit: 'MB', figure: round => round('on', 'base')?.peakMb },
  { name: 'peak memory of recorder with engine, base', max: 600, unit: 'MB', figure: round => round('embedded', 'base')?.childPeakMb },
];

export interface GateResult {
  readonly gate: string;
  readonly max: number;
  readonly unit: Gate['unit'];
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** Half the range over the rounds. */
  readonly noise: number;
  /** `near` is on the wrong side by no more than the noise. */
  readonly verdict: 'kept' | 'near' | 'missed';
}

/** Of the gates whose figures were measured. */
export function gateResultsOf(samples: readonly Sample[]): readonly GateResult[] {
  const valid = samples.filter(({ invalid }) => invalid === undefined);
  const numbers = [...new Set(valid.map(({ round }) => round))];
  return gates.flatMap(({ name, max, unit, figure }) => {
    const figures = numbers
      .map(number => figure((subject, cell) => valid.find(s => s.round === number && s.subject === subject && s.cell === cell)))
      .filter(value => value !== undefined);
    if (figures.length === 0) return [];
    const [middle, lowest, highest] = [median(figures), Math.min(...figures), Math.max(...figures)];
    const noise = (highest - lowest) / 2;
    const verdict = middle <= max ? 'kept' : middle - noise <= max ? 'near' : 'missed';
    return [{ gate: name, max, unit, median: middle, lowest, highest, noise, verdict } as const];
  });
}
