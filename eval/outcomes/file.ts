/** Reads outcomes measured elsewhere: JSONL of `{id, cluster?, weight?, chance?, tags?, targets: {name: {quality?, confidence? | signals?, cost, …}}}`. */

import { isObject, type Json, type JsonObject, scanObject } from '../../gateway/core/chat/json.ts';
import { type Failure, failureKindOfLabel } from '../../gateway/core/shared/failure.ts';
import { featureNames, type Signals, signalNames } from '../../gateway/core/signals/names.ts';
import type { Item, Outcome } from './outcomes.ts';
import { OutcomeTable } from './table.ts';

export interface LineProblem {
  readonly line: number;
  /** Dotted: `targets.gpt-4.cost`; '' for the line itself. */
  readonly field: string;
  readonly message: string;
}

export type ParsedOutcomes =
  | { readonly ok: true; readonly items: readonly Item[] }
  | { readonly ok: false; readonly problems: readonly LineProblem[] };

/** More would hide the first. */
const problemsMax = 20;

/** `confidence` is taken as the signal `scorer`, which is what `confidence` means first. Cost is in USD; null when unknown. Empty lines are skipped. */
export const parseOutcomes = (text: string): ParsedOutcomes => parseOutcomeLines(text.split('\n'));

/** The lines one after the other, so that no whole file stands in memory. */
export function parseOutcomeLines(rows: Iterable<string>, onProgress?: (done: number) => void): ParsedOutcomes {
  const items: Item[] = [];
  const table = new OutcomeTable();
  const problems: LineProblem[] = [];
  const lines = new Map<string, number>();
  let line = 0;
  for (const row of rows) {
    line++;
    if (row.trim() === '' || problems.length >= problemsMax) continue;
    const report = (field: string, message: string): undefined => {
      if (problems.length < problemsMax) problems.push({ line, field, message });
      return undefined;
    };
    const parsed = parseItem(row, report);
    if (!parsed) continue;
    const item = table.add(parsed);
    const earlier = lines.get(item.id);
    if (earlier !== undefined)
      report('id', `"${item.id}" stands on line ${earlier} already; give each item its own id and repeats one \`cluster\``);
    lines.set(item.id, line);
    items.push(item);
    if ((items.length & 0x3fff) === 0) onProgress?.(items.length);
  }
  if (problems.length > 0) return { ok: false, problems };
  if (items.length === 0)
    return { ok: false, problems: [{ line: 1, field: '', message: 'the file holds no item; write one JSON object a line' }] };
  return { ok: true, items };
}

type Report = (field: string, message: string) => undefined;

const allNames: readonly string[] = [...signalNames, ...featureNames];
const itemKeys = ['id', 'cluster', 'weight', 'chance', 'tags', 'targets'];
const outcomeKeys = ['quality', 'confidence', 'signals', 'cost', 'latency_ms', 'ttft_ms', 'scores', 'model', 'drawn', 'error'];

function parseItem(row: string, report: Report): Item | undefined {
  const scan = scanObject(row);
  if (!scan.ok)
    return report(
      scan.problem.param ?? '',
      `is not one JSON object with \`id\` and \`targets\`: ${scan.problem.message.replace('body', 'line')}`,
    );
  const { value } = scan;
  unknownKeys(value, itemKeys, '', report);
  const id = identifier(value.id);
  if (id === undefined) return report('id', 'must be a non-empty string or a whole number');
  const cluster = value.cluster === undefined || value.cluster === null ? id : identifier(value.cluster);
  if (cluster === undefined)
    return report('cluster', 'must be a non-empty string or a whole number; leave it out when the item stands alone');
  if (!isObject(value.targets) || Object.keys(value.targets).length === 0) {
    return report('targets', 'must be an object with an outcome for each target: {"gpt-4": {"quality": 1, "cost": 0.027}}');
  }
  const outcomes = new Map<string, Outcome>();
  for (const [target, cell] of Object.entries(value.targets)) {
    const at = `targets.${target}`;
    if (!isObject(cell as Json)) report(at, 'must be an object such as {"quality": 1, "cost": 0.027}');
    else outcomes.set(target, parseOutcome(cell as JsonObject, at, report));
  }
  const tags = parseTags(value.tags, report);
  const weight = value.weight ?? undefined;
  if (weight !== undefined && !(typeof weight === 'number' && weight >= 1 && weight <= 1e6))
    return report('weight', 'must be one over the chance that the item was drawn with, 1 or more');
  const chance = value.chance ?? undefined;
  if (chance !== undefined && !(typeof chance === 'number' && chance > 0 && chance <= 1))
    return report('chance', 'must be the chance with which the missing outcomes were, or would have been, drawn: above 0 and at most 1');
  return {
    ...{ id, cluster, outcomes },
    ...(weight === undefined ? {} : { weight }),
    ...(chance === undefined ? {} : { chance }),
    ...(tags ? { tags } : {}),
  };
}

function parseTags(tags: Json | undefined, report: Report): Readonly<Record<string, string>> | undefined {
  if (tags === undefined || tags === null) return undefined;
  if (isObject(tags) && Object.values(tags).every(value => typeof value === 'string')) return tags as Record<string, string>;
  return report('tags', 'must be an object of strings such as {"task": "refund"}');
}

function identifier(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

function unknownKeys(value: JsonObject, known: readonly string[], at: string, report: Report): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key))
      report(at === '' ? key : `${at}.${key}`, `is not known; a ${at === '' ? 'line' : 'target'} takes ${known.join(', ')}`);
  }
}

function parseOutcome(cell: JsonObject, at: string, report: Report): Outcome {
  unknownKeys(cell, outcomeKeys, at, report);
  const number = (key: string, from: number, to: number, remedy: string): number | undefined => {
    const value = cell[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'number' && value >= from && value <= to) return value;
    return report(`${at}.${key}`, `must be ${remedy}, not ${JSON.stringify(value)}`);
  };
  const quality = number('quality', 0, 1, 'a number from 0 to 1');
  const cost = number('cost', 0, 1e6, 'a cost in USD, 0 or more');
  const latencyMs = number('latency_ms', 0, 1e9, 'milliseconds, 0 or more');
  const firstTokenMs = number('ttft_ms', 0, 1e9, 'milliseconds, 0 or more');
  const scores = parseScores(cell.scores, at, report);
  const failure = parseFailure(cell.error, at, report);
  const model = cell.model ?? undefined;
  if (model !== undefined && typeof model !== 'string') report(`${at}.model`, 'must be the name of the model that answered');
  if (cell.cost === undefined) report(`${at}.cost`, 'is missing; write the cost in USD, 0 when it was free, null when nobody knows it');
  if (latencyMs !== undefined && firstTokenMs !== undefined && firstTokenMs > latencyMs)
    report(`${at}.ttft_ms`, 'must not be above latency_ms');
  return {
    signals: parseSignals(cell, at, report),
    ...(quality === undefined ? {} : { quality }),
    ...(cost === undefined ? {} : { costNanoUsd: Math.round(cost * 1e9) }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
    ...(scores ? { scores } : {}),
    ...(typeof model === 'string' ? { model } : {}),
    ...(cell.drawn === true ? { drawn: true } : {}),
    ...(failure ? { failure } : {}),
  };
}

function parseSignals(cell: JsonObject, at: string, report: Report): Signals {
  const { confidence, signals } = cell;
  const known: Record<string, number> = {};
  const take = (field: string, name: string, value: Json | undefined): void => {
    if (value === undefined || value === null) return;
    if (typeof value === 'number' && value >= 0 && value <= 1) known[name] = value;
    else report(field, `must be a number from 0 to 1, not ${JSON.stringify(value)}; higher is surer`);
  };
  take(`${at}.confidence`, 'scorer', confidence);
  if (signals === undefined || signals === null) return known;
  if (confidence !== undefined && confidence !== null) report(`${at}.signals`, 'stands beside `confidence`; give one of them');
  if (!isObject(signals)) {
    report(`${at}.signals`, 'must be an object such as {"mean_logprob": 0.93}');
    return known;
  }
  for (const [name, value] of Object.entries(signals)) {
    if (allNames.includes(name)) take(`${at}.signals.${name}`, name, value);
    else report(`${at}.signals.${name}`, `is no signal; the signals are ${allNames.join(', ')}`);
  }
  return known;
}

function parseScores(scores: Json | undefined, at: string, report: Report): Readonly<Record<string, number>> | undefined {
  if (scores === undefined || scores === null) return undefined;
  if (isObject(scores) && Object.values(scores).every(value => typeof value === 'number')) return scores as Record<string, number>;
  return report(`${at}.scores`, 'must be an object of numbers such as {"helpfulness": 0.8}');
}

/** Known failure kinds are kept; any other word is a failure of the target that may fall back. */
function parseFailure(error: Json | undefined, at: string, report: Report): Failure | undefined {
  if (error === undefined || error === null || error === false || error === '') return undefined;
  if (error === true) return { kind: 'server-error', message: 'failed' };
  if (typeof error === 'string') return failureOfKind(error);
  return report(`${at}.error`, 'must be the kind of failure as a string, or true');
}

/** The failure of an imported word; `server-error` for a word that is not known. */
export const failureOfKind = (word: string): Failure => ({
  kind: failureKindOfLabel(word.replaceAll('-', '_')) ?? 'server-error',
  message: word,
});

/** The problems with file and line, one a line. */
export const printLineProblems = (file: string, problems: readonly LineProblem[]): string =>
  problems.map(({ line, field, message }) => `${file}:${line}: ${field === '' ? 'the line' : field} ${message}`).join('\n');
