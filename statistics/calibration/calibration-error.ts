/**
 * Calibration of a confidence: its error as a probability (Brier, ECE) and how well it ranks right answers above wrong ones (AUROC, AURC).
 */
import type { Numbers } from '../estimation/clustered.ts';

/** Mean squared distance of confidence and outcome (Brier 1950). */
export function brier(confidences: Numbers, outcomes: Numbers): number {
  let total = 0;
  for (let i = 0; i < confidences.length; i++) total += (confidences[i]! - outcomes[i]!) ** 2;
  return total / confidences.length;
}

export interface Bin {
  readonly count: number;
  readonly confidence: number;
  readonly outcome: number;
}

/** Bins of equal width over [0, 1], closed above; empty bins are left out. */
export function equalWidthBins(confidences: Numbers, outcomes: Numbers, bins = 10): Bin[] {
  const of = (c: number): number => Math.min(bins - 1, Math.max(0, Math.ceil(c * bins) - 1));
  return binsOf(confidences, outcomes, Array.from(confidences as ArrayLike<number>, of), bins);
}

/** Bins of equal count. Equal confidences share a bin. */
export function equalCountBins(confidences: Numbers, outcomes: Numbers, bins = 10): Bin[] {
  return binsOf(confidences, outcomes, equalCountBinOf(confidences, bins), bins);
}

/** The indexes of the items in each bin of equal count, from the lowest confidence up. */
export function equalCountMembers(confidences: Numbers, bins = 10): readonly (readonly number[])[] {
  const members = Array.from({ length: bins }, (): number[] => []);
  for (const [i, bin] of equalCountBinOf(confidences, bins).entries()) members[bin]!.push(i);
  return members.filter(bin => bin.length > 0);
}

function equalCountBinOf(confidences: Numbers, bins: number): readonly number[] {
  const n = confidences.length;
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => confidences[a]! - confidences[b]!);
  const bin = new Array<number>(n).fill(0);
  for (const [rank, i] of order.entries()) {
    const before = order[rank - 1];
    const tied = before !== undefined && confidences[before] === confidences[i];
    bin[i] = tied ? bin[before]! : Math.floor((rank * bins) / n);
  }
  return bin;
}

function binsOf(confidences: Numbers, outcomes: Numbers, bin: readonly number[], bins: number): Bin[] {
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, outcome: 0 }));
  for (const [i, b] of bin.entries()) {
    sums[b]!.count++;
    sums[b]!.confidence += confidences[i]!;
    sums[b]!.outcome += outcomes[i]!;
  }
  return sums.filter(b => b.count > 0).map(b => ({ count: b.count, confidence: b.confidence / b.count, outcome: b.outcome / b.count }));
}

/** Expected calibration error: the mean gap between confidence and outcome over the bins, weighted by their counts. */
export function calibrationError(bins: readonly Bin[]): number {
  const n = bins.reduce((sum, b) => sum + b.count, 0);
  return bins.reduce((sum, b) => sum + (b.count / n) * Math.abs(b.outcome - b.confidence), 0);
}

/**
 * The probability that a right answer has the higher confidence than a wrong one; ties count half (Mann and Whitney's U). Outcomes above ½
 * are right.
 */
export function auroc(confidences: Numbers, outcomes: Numbers): number {
  const order = Array.from({ length: confidences.length }, (_, i) => i).sort((a, b) => confidences[a]! - confidences[b]!);
  let [wrongBelow, right, wrong, wins] = [0, 0, 0, 0];
  for (let start = 0; start < order.length; ) {
    let end = start;
    let [tiedRight, tiedWrong] = [0, 0];
    while (end < order.length && confidences[order[end]!] === confidences[order[start]!]) {
      if (outcomes[order[end]!]! > 0.5) tiedRight++;
      else tiedWrong++;
      end++;
    }
    wins += tiedRight * (wrongBelow + tiedWrong / 2);
    wrongBelow += tiedWrong;
    right += tiedRight;
    wrong += tiedWrong;
    start = end;
  }
  return wins / (right * wrong);
}

/**
 * Area under the risk–coverage curve: the mean loss among the k most confident items, averaged over all k; lower is better. Items of equal
 * confidence are in any order: each of their places loses the mean of the tie, which is the average over all orders. Geifman, Uziel and
 * El-Yaniv (2019).
 */
export function aurc(confidences: Numbers, outcomes: Numbers): number {
  const order = Array.from({ length: confidences.length }, (_, i) => i).sort((a, b) => confidences[b]! - confidences[a]!);
  let [loss, area] = [0, 0];
  for (let start = 0; start < order.length; ) {
    let [end, tied] = [start, 0];
    for (; end < order.length && confidences[order[end]!] === confidences[order[start]!]; end++) tied += 1 - outcomes[order[end]!]!;
    for (let k = start + 1; k <= end; k++) area += (loss + (tied * (k - start)) / (end - start)) / k;
    loss += tied;
    start = end;
  }
  return area / order.length;
}
