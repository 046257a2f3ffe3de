/** Outcomes in the files that other tools write: promptfoo, inspect_ai, lm-evaluation-harness, Langfuse exports, and plain tables. Pure. */
import { isObject, type Json, type JsonObject } from '../../gateway/core/chat/json.ts';
import { featureNames, type SignalName, signalNames } from '../../gateway/core/signals/names.ts';
import { failureOfKind } from './file.ts';
import type { Item, Outcome } from './outcomes.ts';

export interface ForeignFile {
  /** With its path: lm-evaluation-harness names model and task there alone. */
  readonly name: string;
  /** The whole document where it is one, as a list of one; else its rows. */
  readonly rows: readonly Json[];
}

export interface ForeignOptions {
  /** Names the target of every row, where the file does not. */
  readonly target?: string | undefined;
  /** Which score or metric is the quality; by default the first. */
  readonly quality?: string | undefined;
}

export interface ForeignOutcomes {
  readonly items: readonly Item[];
  /** The formats that were recognised, in words. */
  readonly formats: readonly string[];
  readonly notes: readonly string[];
}

/** One outcome of one request, before repeats are told apart. */
interface ForeignRow {
  readonly id: string;
  readonly cluster?: string | undefined;
  readonly target: string;
  readonly outcome: Outcome;
  readonly tags?: Readonly<Record<string, string>>;
}

interface Reading {
  readonly format: string;
  readonly rows: readonly ForeignRow[];
  readonly notes?: readonly string[];
}

/** Items of all files together: the same request in two files is one item with two targets. A string is why a file cannot be read. */
export function foreignOutcomes(files: readonly ForeignFile[], options: ForeignOptions): ForeignOutcomes | string {
  const readings: Reading[] = [];
  for (const file of withJoinedTraces(files)) {
    const reading = readingOf(file, options);
    if (typeof reading === 'string') return `${file.name}: ${reading}`;
    readings.push(reading);
  }
  const rows = readings.flatMap(reading => reading.rows);
  return {
    items: itemsOf(rows),
    formats: [...new Set(readings.map(({ format }) => format))],
    notes: readings.flatMap(({ notes = [] }) => notes),
  };
}

/** Langfuse writes observations and scores to files of their own, which only say something together. */
function withJoinedTraces(files: readonly ForeignFile[]): readonly ForeignFile[] {
  const isTraced = ({ rows: [first] }: ForeignFile): boolean => isObject(first) && traceOf(first) !== '';
  const traced = files.filter(isTraced);
  if (traced.length < 2) return files;
  return [...files.filter(file => !isTraced(file)), { name: traced[0]!.name, rows: traced.flatMap(({ rows }) => rows) }];
}

/** The nth repeat of a target is an item of its own in the first one's cluster. */
function itemsOf(rows: readonly ForeignRow[]): readonly Item[] {
  const items = new Map<string, Omit<Item, 'outcomes'> & { readonly outcomes: Map<string, Outcome> }>();
  for (const { id, cluster = id, target, outcome, tags } of rows) {
    let [own, nth] = [id, 1];
    while (items.get(own)?.outcomes.has(target)) own = `${id}#${++nth}`;
    const item = items.get(own) ?? { id: own, cluster, outcomes: new Map(), ...(tags ? { tags } : {}) };
    item.outcomes.set(target, outcome);
    items.set(own, item);
  }
  return [...items.values()];
}

function readingOf(file: ForeignFile, options: ForeignOptions): Reading | string {
  const [first] = file.rows;
  if (!isObject(first)) return 'it holds no JSON object and no table with a header';
  if (promptfooRows(first)) return promptfoo(promptfooRows(first)!, options);
  if (isObject(first.eval) && Array.isArray(first.samples)) return inspect(first, options);
  const rows = file.rows.filter(row => isObject(row));
  if (first.doc_id !== undefined && (first.filtered_resps !== undefined || first.resps !== undefined))
    return harness(file.name, rows, options);
  if (rows.some(isObservation)) return langfuse(rows, options);
  if (first.id !== undefined) return plainTable(rows, options);
  return 'its format is not known; known are results of promptfoo, logs of inspect_ai, samples of lm-evaluation-harness, exports of Langfuse, and tables with the columns id, target, quality and cost';
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '');
const isFilled = (value: Json | undefined): boolean => value !== undefined && value !== null && value !== '';
/** Numbers come as text from CSV. */
const number = (value: Json | undefined): number | undefined => {
  const read = typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  return Number.isFinite(read) ? read : undefined;
};

/** Marks as the tools give them: C, I, P and N of inspect_ai, yes and no, numbers in [0, 1]. Undefined for any other. */
function qualityOf(value: Json | undefined): number | undefined {
  if (typeof value === 'boolean') return Number(value);
  const word = { C: 1, I: 0, N: 0, P: 0.5, true: 1, false: 0, yes: 1, no: 0, pass: 1, fail: 0 }[text(value)];
  const found = word ?? number(value);
  return found !== undefined && found >= 0 && found <= 1 ? found : undefined;
}

interface Figures {
  readonly quality?: number | undefined;
  readonly usd?: number | undefined;
  readonly latencyMs?: number | undefined;
  readonly firstTokenMs?: number | undefined;
  readonly signals?: Outcome['signals'];
  readonly model?: string | undefined;
  readonly failed?: string | undefined;
}

const outcomeOf = ({ quality, usd, latencyMs, firstTokenMs, signals = {}, model, failed }: Figures): Outcome => ({
  signals,
  ...(quality === undefined || failed !== undefined ? {} : { quality }),
  ...(usd === undefined || usd < 0 ? {} : { costNanoUsd: Math.round(usd * 1e9) }),
  ...(latencyMs === undefined || latencyMs < 0 ? {} : { latencyMs }),
  ...(firstTokenMs === undefined || firstTokenMs < 0 ? {} : { firstTokenMs }),
  ...(model ? { model } : {}),
  ...(failed === undefined ? {} : { failure: failureOfKind(failed) }),
});

/** `promptfoo eval -o results.json`: the results in `results.results`, or `results` in older files. */
function promptfooRows(document: JsonObject): readonly JsonObject[] | undefined {
  const { results } = document;
  const list = isObject(results) ? results.results : results;
  return Array.isArray(list) && list.some(row => isObject(row) && row.provider !== undefined && row.success !== undefined)
    ? (list.filter(row => isObject(row)) as JsonObject[])
    : undefined;
}

/** `failureReason` 2 is an error; 1 is an assertion that failed. A response from promptfoo's cache says nothing about time. */
function promptfoo(results: readonly JsonObject[], { target, quality }: ForeignOptions): Reading {
  const rows = results.map((row, i): ForeignRow => {
    const provider = isObject(row.provider) ? text(row.provider.id) || text(row.provider.label) : text(row.provider);
    const response = isObject(row.response) ? row.response : {};
    const named = isObject(row.namedScores) ? row.namedScores : {};
    const score = quality === undefined ? (qualityOf(row.score) ?? qualityOf(row.success)) : qualityOf(named[quality]);
    const prompt = number(row.promptIdx) ?? 0;
    return {
      id: `test ${text(row.testIdx) || i}${prompt === 0 ? '' : ` prompt ${prompt}`}`,
      target: target ?? provider,
      outcome: outcomeOf({
        quality: score,
        usd: number(row.cost) ?? number(response.cost),
        latencyMs: response.cached === true ? undefined : number(row.latencyMs),
        failed: row.failureReason === 2 || (isFilled(row.error) && response.output === undefined) ? 'server_error' : undefined,
      }),
    };
  });
  return { format: 'promptfoo', rows };
}

/** A log of one model and task; `inspect log convert --to json` writes it. Times are in seconds. */
function inspect({ eval: head, samples }: JsonObject, { target, quality }: ForeignOptions): Reading {
  const { model, task } = head as JsonObject;
  const rows = (samples as readonly Json[]).flatMap((sample): ForeignRow[] => {
    if (!isObject(sample)) return [];
    const scores = isObject(sample.scores) ? sample.scores : {};
    const score = scores[quality ?? Object.keys(scores)[0] ?? ''];
    const usage = isObject(sample.model_usage) ? Object.values(sample.model_usage) : [];
    const costs = usage.map(one => (isObject(one) ? number(one.total_cost) : undefined));
    const seconds = number(sample.working_time) ?? number(sample.total_time);
    return [
      {
        id: `${text(task)} ${text(sample.id)}`,
        target: target ?? text(model),
        outcome: outcomeOf({
          quality: qualityOf(isObject(score) ? score.value : score),
          usd: costs.length > 0 && costs.every(cost => cost !== undefined) ? costs.reduce((sum, cost) => sum + cost, 0) : undefined,
          latencyMs: seconds === undefined ? undefined : seconds * 1_000,
          failed: isFilled(sample.error) ? 'server_error' : undefined,
        }),
      },
    ];
  });
  return { format: 'inspect_ai', rows };
}

/** `samples_TASK_DATE.jsonl` in a folder of the model's name. Of several filters the first row's counts. */
function harness(name: string, rows: readonly JsonObject[], { target, quality }: ForeignOptions): Reading | string {
  const [folder, file] = name.split(/[\\/]/).slice(-2);
  const model = target ?? (file === undefined ? '' : (folder ?? '').replace('__', '/'));
  if (model === '') return 'the samples do not name their model; give it with --target';
  const task = /samples_(.+?)_\d{4}-\d\d-\d\d/.exec(name)?.[1] ?? '';
  const metrics = Array.isArray(rows[0]!.metrics) ? rows[0]!.metrics.map(text) : [];
  const metric = quality ?? metrics[0] ?? ['acc', 'exact_match'].find(known => rows[0]![known] !== undefined);
  if (metric === undefined) return 'the samples name no metric; give it with --quality';
  const { filter } = rows[0]!;
  return {
    format: 'lm-evaluation-harness',
    rows: rows
      .filter(row => row.filter === filter)
      .map(row => ({ id: `${task} ${text(row.doc_id)}`.trim(), target: model, outcome: outcomeOf({ quality: qualityOf(row[metric]) }) })),
    notes: [`${name}: quality is ${metric}; the samples hold no cost and no time.`],
  };
}

const traceOf = (row: JsonObject): string => text(row.trace_id ?? row.traceId);
const isObservation = (row: JsonObject): boolean => row.type === 'GENERATION' && traceOf(row) !== '';

/** Observations and scores of a blob storage export, or of the API. A score belongs to its observation, else to its trace. */
function langfuse(rows: readonly JsonObject[], { target, quality }: ForeignOptions): Reading {
  const scores = rows.filter(row => row.value !== undefined && row.name !== undefined && !isObservation(row));
  const wanted = quality ?? (scores.some(({ name }) => name === 'quality') ? 'quality' : text(scores[0]?.name));
  const labels = new Map<string, number>();
  for (const row of scores) {
    const value = qualityOf(row.value ?? row.string_value ?? row.stringValue);
    const observation = text(row.observation_id ?? row.observationId);
    if (row.name === wanted && value !== undefined) labels.set(observation || traceOf(row), value);
  }
  const found = rows.filter(isObservation).map((row): ForeignRow => {
    const started = instantOf(row.start_time ?? row.startTime);
    const after = (value: Json | undefined): number | undefined => {
      const at = instantOf(value);
      return at === undefined || started === undefined ? undefined : at - started;
    };
    const model = text(row.provided_model_name ?? row.model);
    const session = text(row.session_id ?? row.sessionId);
    return {
      id: traceOf(row),
      cluster: session || traceOf(row),
      target: target ?? model,
      outcome: outcomeOf({
        quality: labels.get(text(row.id)) ?? labels.get(traceOf(row)),
        usd: number(row.total_cost ?? row.totalCost ?? row.calculatedTotalCost),
        latencyMs: after(row.end_time ?? row.endTime),
        firstTokenMs: after(row.completion_start_time ?? row.completionStartTime),
        failed: row.level === 'ERROR' ? 'server_error' : undefined,
      }),
    };
  });
  return { format: 'Langfuse', rows: found, notes: wanted === '' ? ['Langfuse: no score was found; answers have no quality.'] : [] };
}

/** `YYYY-MM-DD HH:MM:SS.ffffff` is UTC. */
function instantOf(value: Json | undefined): number | undefined {
  const written = text(value);
  if (written === '') return undefined;
  const at = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(written) ? written : `${written.replace(' ', 'T')}Z`);
  return Number.isNaN(at) ? undefined : at;
}

const tableColumns = ['id', 'target', 'cluster', 'quality', 'confidence', 'cost', 'latency_ms', 'ttft_ms', 'model', 'error'];
const knownSignals: readonly string[] = [...signalNames, ...featureNames];

/** A row for each request and target; signals are columns of their names, and every other column is a tag. */
function plainTable(rows: readonly JsonObject[], { target, quality = 'quality' }: ForeignOptions): Reading | string {
  const found: ForeignRow[] = [];
  for (const [i, row] of rows.entries()) {
    const named = target ?? text(row.target);
    if (text(row.id) === '' || named === '')
      return `row ${i + 1} has no ${text(row.id) === '' ? 'id' : 'target: name the column target, or give --target'}`;
    const label = qualityOf(row[quality]);
    if (isFilled(row[quality]) && label === undefined)
      return `row ${i + 1}: ${quality} must be a number from 0 to 1, not ${JSON.stringify(row[quality])}`;
    const signals = Object.entries({ ...row, scorer: row.scorer ?? row.confidence! }).flatMap(([name, value]) => {
      const read = knownSignals.includes(name) ? number(value) : undefined;
      return read === undefined ? [] : [[name as SignalName, read] as const];
    });
    const tags = Object.entries(row).filter(
      ([name, value]) => ![...tableColumns, quality, ...knownSignals].includes(name) && text(value) !== '',
    );
    found.push({
      id: text(row.id),
      cluster: text(row.cluster) || undefined,
      target: named,
      ...(tags.length > 0 ? { tags: Object.fromEntries(tags.map(([name, value]) => [name, text(value)])) } : {}),
      outcome: outcomeOf({
        quality: label,
        usd: number(row.cost),
        latencyMs: number(row.latency_ms),
        firstTokenMs: number(row.ttft_ms),
        signals: Object.fromEntries(signals),
        model: text(row.model),
        failed: text(row.error) || undefined,
      }),
    });
  }
  return { format: 'table', rows: found };
}
