/** Puts a threshold into the text of a config. Only its own characters change, so that the difference is a line to review, comments and all. */
import { isMap, isPair, isScalar, isSeq, type Node, parseDocument, type YAMLMap } from 'yaml';

export type EditResult = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

export interface ThresholdEdit {
  readonly route: string;
  /** The target of the step. */
  readonly target: string;
  /** From 0, which is the default. */
  readonly step?: number;
  readonly signal: string;
  readonly threshold: number;
}

export function writeThreshold(text: string, edit: ThresholdEdit): EditResult {
  const { route, target, signal, threshold, step: at = 0 } = edit;
  const document = parseDocument(text);
  if (document.errors.length > 0) return editProblem(`it is no YAML: ${document.errors[0]!.message}`);
  const written = document.getIn(['routes', route], true);
  const step = document.getIn(isSeq(written) ? ['routes', route, at] : ['routes', route, 'steps', at], true);
  const configuredTarget = isMap(step) ? step.get('target') : isScalar(step) ? step.value : undefined;
  if (configuredTarget !== target) return editProblem(`routes.${route} does not begin with ${target} in this file`);
  const rule = `{ ${signal}: ${threshold} }`;
  const edited = isSeq(written)
    ? listToSteps(text, written.items, written as Node, rule, at)
    : ruleInStep(text, step as YAMLMap, signal, rule, threshold);
  if (edited === undefined)
    return editProblem(`routes.${route} is written in a way that is left to you; give its first step accept: ${rule}`);
  const holds = parseDocument(edited);
  const kept = holds.errors.length === 0 && holds.getIn(['routes', route, 'steps', at, 'accept', signal]) === threshold;
  return kept ? { ok: true, text: edited } : editProblem(`routes.${route} could not be edited safely; give its first step accept: ${rule}`);
}

const editProblem = (problem: string): EditResult => ({ ok: false, problem });

function splice(text: string, node: Node, put: string): string {
  const [start, end] = node.range!;
  const trailing = /\s*$/.exec(text.slice(start, end))![0];
  return text.slice(0, start) + put + trailing + text.slice(end);
}

function ruleInStep(text: string, step: YAMLMap, signal: string, rule: string, threshold: number): string | undefined {
  const accept = step.get('accept', true) as unknown;
  if (isMap(accept)) {
    const value = accept.get(signal, true) as unknown;
    if (isScalar(value)) return splice(text, value, String(threshold));
    // A rule of several signals is somebody's thought: it is not thrown away.
    return accept.has('all') || accept.has('any') || !accept.flow ? undefined : splice(text, accept, rule);
  }
  const first = step.items[0];
  if (accept !== undefined || !isPair(first) || !isScalar(first.key)) return undefined;
  const [start] = first.key.range!;
  const indent = ' '.repeat(start - (text.lastIndexOf('\n', start - 1) + 1));
  return `${text.slice(0, start)}accept: ${rule}${step.flow ? ', ' : `\n${indent}`}${text.slice(start)}`;
}

/** `[a, b]` has no place for a rule; steps have. */
function listToSteps(text: string, items: readonly unknown[], list: Node, rule: string, at: number): string | undefined {
  const targets = items.flatMap(item => (isScalar(item) && typeof item.value === 'string' ? [item.value] : []));
  const source = text.slice(...(list.range!.slice(0, 2) as [number, number]));
  if (targets.length !== items.length || !source.startsWith('[') || source.includes('#')) return undefined;
  const steps = targets.map((target, i) => `{ target: ${JSON.stringify(target)}${i === at ? `, accept: ${rule}` : ''} }`);
  return splice(text, list, `{ steps: [${steps.join(', ')}] }`);
}
