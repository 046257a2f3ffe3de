/** When a certificate expires: the traffic drifted, another model responds, or the chain has changed. */

import type { Item } from '../outcomes/outcomes.ts';
import type { SweptSignal } from '../policies/chain.ts';
import { type Baseline, type Drift, driftOf, modelsOf, psiExpire, psiWarn } from './drift.ts';

export interface Expiry {
  /** `unknown`: too few responses for a verdict. */
  readonly verdict: 'fresh' | 'drifting' | 'expired' | 'unknown';
  readonly reasons: readonly string[];
  readonly drift: Drift;
}

/** With fewer answers the index is mostly noise. */
export const answersMin = 200;

/** Whether a certificate still holds for these items and this configuration, and why not. */
export function expiryOf(
  certificate: {
    readonly targets: readonly string[];
    readonly signal: SweptSignal;
    readonly thresholds: readonly number[];
    readonly baseline: Baseline;
    readonly models: Readonly<Record<string, readonly string[]>>;
  },
  items: readonly Item[],
  configured?: { readonly targets: readonly string[]; readonly thresholds: readonly number[] | undefined },
): Expiry {
  const { targets, signal, thresholds, baseline, models } = certificate;
  const drift = driftOf(baseline, items, signal, thresholds);
  const now = modelsOf(items, targets);
  const changed = targets.flatMap(target => {
    const [then, found] = [models[target] ?? [], now[target] ?? []];
    const fresh = then.length === 0 ? [] : found.filter(model => !then.includes(model));
    return fresh.length === 0 ? [] : [`${target} is answered by ${fresh.join(', ')} now, and was by ${then.join(', ')}`];
  });
  const route =
    configured === undefined ||
    (isSameList(configured.targets, targets) && configured.thresholds && isSameList(configured.thresholds, thresholds))
      ? []
      : [
          isSameList(configured.targets, targets)
            ? `the route accepts at ${configured.thresholds?.join(', ') ?? 'a rule of its own'}, and ${thresholds.join(', ')} was certified`
            : `the route uses ${configured.targets.join(', ')}, and ${targets.join(', ')} was certified`,
        ];
  const answers = Math.min(...drift.perTarget.slice(0, 1).map(t => t.answers));
  const known = answers >= answersMin;
  const drifted =
    known && drift.psi > psiExpire ? [`the signals lie otherwise than they did: PSI ${drift.psi.toFixed(3)} > ${psiExpire}`] : [];
  const expired = [...changed, ...route, ...drifted];
  if (expired.length > 0) return { verdict: 'expired', reasons: expired, drift };
  if (!known) return { verdict: 'unknown', reasons: [`${answers} answers are too few to tell a drift; it takes ${answersMin}`], drift };
  if (drift.psi > psiWarn)
    return { verdict: 'drifting', reasons: [`PSI ${drift.psi.toFixed(3)} > ${psiWarn}; it expires at ${psiExpire}`], drift };
  return { verdict: 'fresh', reasons: [], drift };
}

const isSameList = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

export interface CertificateFile {
  readonly file: string;
  readonly issuedAt: string;
  readonly chain: string;
  readonly targets: readonly string[];
  readonly signal: SweptSignal;
  readonly thresholds: readonly number[];
  readonly baseline: Baseline;
  readonly loss: 'harm' | 'net';
  /** The loss is at most this, a share, with this confidence, for so many requests of one conversation. */
  readonly lossMax: number;
  readonly confidence: number;
  readonly conversationCap: number;
  /** The name of the scores that quality came from; `agreement` otherwise. */
  readonly quality: string;
  /** The served models by target; empty where the outcomes do not name them. */
  readonly models: Readonly<Record<string, readonly string[]>>;
}
