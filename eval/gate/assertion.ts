/** An assertion of a gate, in one line: `delta > -1pp`, `value < 2%`, `delta < -20%`, `delta < +300ms`, `value < $7.10`. */

export const metricNames = [
  'quality',
  'harm',
  'cost_per_1k',
  'escalation',
  'error_rate',
  'latency_p50',
  'latency_p95',
  'latency_p99',
  'ttft_p50',
  'ttft_p95',
  'ttft_p99',
  'schema_valid',
  'beats_random_mix',
  'certificate.psi',
] as const;
/** Also a score by its name, as a judge, a rule or a person gave it. */
export type MetricName = (typeof metricNames)[number] | `score.${string}` | `judge.${string}`;

/** Whether a text names a metric: a known one, `score.NAME` or `judge.NAME`. */
export const isMetricName = (text: string): text is MetricName =>
  (metricNames as readonly string[]).includes(text) || /^(?:score|judge)\.[\w.-]{1,64}$/.test(text);

/** What a score is called in the store: judge.helpfulness is helpfulness. */
export const scoreNameOf = (metric: MetricName): string | undefined => /^(?:score|judge)\.(.+)$/.exec(metric)?.[1];

/** Shares lie in [0, 1], money is USD, times are milliseconds; an index is a number of its own. */
export type Quantity = 'share' | 'money' | 'time' | 'index';

/** The kind of quantity that a metric measures, which decides its units. */
export const quantityOf = (metric: MetricName): Quantity => {
  if (metric === 'cost_per_1k') return 'money';
  if (metric === 'certificate.psi') return 'index';
  return metric.startsWith('latency') || metric.startsWith('ttft') ? 'time' : 'share';
};

export interface Assertion {
  /** `value`: the candidate's own number. `delta`: less the baseline's. `change`: the delta divided by the baseline's. */
  readonly subject: 'value' | 'delta' | 'change';
  readonly side: 'below' | 'above';
  /** In the quantity's unit; a share of the baseline for `change`. */
  readonly bound: number;
  readonly text: string;
}

const form = /^(value|delta)\s*(<=?|>=?)\s*([-+−]?)\s*(\$?)\s*(\d+(?:\.\d+)?|\.\d+)\s*(%|pp|ms|s|usd)?$/i;

/** The assertion, or a string with the problem. */
export function parseAssertion(text: string, metric: MetricName): Assertion | string {
  const match = form.exec(text.trim());
  if (!match)
    return `"${text}" is no assertion; write \`value\` or \`delta\`, then < or >, then a number with its unit: "${exampleOf(metric)}"`;
  const [, word, operator, sign, dollar, digits, suffix] = match;
  const subject = word!.toLowerCase() as 'value' | 'delta';
  if (subject === 'delta' && (metric === 'harm' || metric === 'beats_random_mix' || metric === 'certificate.psi')) {
    const against = { harm: 'the baseline', beats_random_mix: 'the mix', 'certificate.psi': 'the certificate' }[metric];
    const why = metric === 'harm' ? 'harm is measured against the baseline already' : `it is measured against ${against} already`;
    return `${metric} has a value only: ${why}; write "${exampleOf(metric)}"`;
  }
  const number = Number(digits) * (sign === '-' || sign === '−' ? -1 : 1);
  const unit = dollar ? 'usd' : (suffix?.toLowerCase() ?? '');
  const scaled = scale(quantityOf(metric), subject, unit, number);
  if (!scaled) return `"${text}" has no unit that fits ${metric}; ${unitsOf(quantityOf(metric), subject)}: "${exampleOf(metric)}"`;
  return { ...scaled, side: operator!.startsWith('<') ? 'below' : 'above', text: text.trim() };
}

function scale(
  quantity: Quantity,
  subject: 'value' | 'delta',
  unit: string,
  number: number,
): Pick<Assertion, 'subject' | 'bound'> | undefined {
  const relative = subject === 'delta' && unit === '%';
  switch (quantity) {
    case 'share':
      if (unit === 'pp' || (unit === '%' && subject === 'value')) return { subject, bound: number / 100 };
      return unit === '' && subject === 'value' && Math.abs(number) <= 1 ? { subject, bound: number } : undefined;
    case 'index':
      return unit === '' ? { subject, bound: number } : undefined;
    case 'money':
      if (relative) return { subject: 'change', bound: number / 100 };
      return unit === 'usd' || (unit === '' && subject === 'value') ? { subject, bound: number } : undefined;
    case 'time':
      if (relative) return { subject: 'change', bound: number / 100 };
      return unit === 'ms' ? { subject, bound: number } : unit === 's' ? { subject, bound: number * 1000 } : undefined;
  }
}

function unitsOf(quantity: Quantity, subject: 'value' | 'delta'): string {
  if (quantity === 'index') return 'it is a plain number';
  if (quantity === 'share')
    return subject === 'value' ? 'a share is written in %' : 'a change of a share is written in pp (percentage points)';
  if (quantity === 'money') return subject === 'value' ? 'money is written with a $' : 'a change of cost is written in % or with a $';
  return subject === 'value' ? 'a time is written in ms or s' : 'a change of a time is written in ms, s or %';
}

function exampleOf(metric: MetricName): string {
  switch (metric) {
    case 'quality':
      return 'delta > -1pp';
    case 'harm':
    case 'error_rate':
      return 'value < 2%';
    case 'escalation':
      return 'value < 40%';
    case 'beats_random_mix':
      return 'value > 0pp';
    case 'certificate.psi':
      return 'value < 0.25';
    case 'schema_valid':
      return 'value > 99%';
    case 'cost_per_1k':
      return 'delta < -20%';
    default:
      return quantityOf(metric) === 'time' ? 'delta < +300ms' : 'delta > -1pp';
  }
}
