/** Turns the two sides of a gate into policies over columns of the outcome matrix, with the columns that each needs. */
import type { RoutePolicy } from '../../gateway/core/routing/router.ts';
import type { Route } from '../../gateway/settings/settings.ts';
import type { Column } from '../outcomes/store.ts';
import { type Chain, chainOf, chainOfRoute, singleTargetPolicy, withThresholds } from '../policies/chain.ts';
import type { Side } from './file.ts';

export interface ResolvedSide {
  /** For people: `smart at 0.74`, `recorded`. */
  readonly name: string;
  readonly policy: RoutePolicy;
  /** Undefined when the side is no chain of targets. */
  readonly chain: Chain | undefined;
  /** Targets that it may call. */
  readonly targets: readonly string[];
  /** What it reads instead of targets. */
  readonly column: Column | undefined;
}

export interface SideContext {
  /** Of the running config. */
  readonly routes: () => ReadonlyMap<string, Route>;
  /** Of another config file. */
  readonly routesOf: (file: string) => ReadonlyMap<string, Route>;
  /** The column that a file of outcomes becomes. */
  readonly snapshotOf: (side: Extract<Side, { readonly type: 'snapshot' }>) => string;
  /** The run's id and arm (the only arm when none is named), or a string with the problem. */
  readonly armOf: (run: string, arm: string | undefined) => { readonly run: string; readonly arm: string } | string;
}

/**
 * A side as the command line names it: `recorded`, `config:FILE`, a route, `cheap,strong@0.74`, the id of a run or `latest`, with
 * `:ARM` when it has several, or else a target.
 */
export function sideNamed(text: string, known: { readonly routes: ReadonlySet<string>; readonly runs: ReadonlySet<string> }): Side {
  if (text === 'recorded') return { type: 'recorded' };
  if (text.startsWith('config:')) return { type: 'config', file: text.slice('config:'.length), route: undefined };
  const at = text.lastIndexOf('@');
  const chain = text.slice(0, at);
  const thresholds =
    at < 0
      ? []
      : text
          .slice(at + 1)
          .split(',')
          .map(Number);
  const isChain = at > 0 && (chain.includes(',') || known.routes.has(chain));
  if (isChain && thresholds.every(t => t >= 0 && t <= 1)) return { type: 'chain', chain, thresholds };
  if (text.includes(',') || known.routes.has(text)) return { type: 'chain', chain: text, thresholds: undefined };
  const colon = text.indexOf(':');
  const [run, arm] = colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  if (run === 'latest' || known.runs.has(run)) return { type: 'run', run, arm };
  return { type: 'target', target: text };
}

/** The resolved side, or a string with the problem. */
export function resolveSide(side: Side, context: SideContext): ResolvedSide | string {
  switch (side.type) {
    case 'snapshot': {
      const name = context.snapshotOf(side);
      return { ...singleColumnSide(name, undefined), targets: [name] };
    }
    case 'recorded':
      return singleColumnSide('recorded', { name: 'recorded', type: 'recorded' });
    case 'target':
      return { ...singleColumnSide(side.target, undefined), targets: [side.target] };
    case 'run': {
      const found = context.armOf(side.run, side.arm);
      if (typeof found === 'string') return found;
      const name = `${found.arm} in ${found.run}`;
      return singleColumnSide(name, { name, type: 'arm', ...found });
    }
    case 'chain': {
      const chain = chainOf(side.chain, side.chain.includes(',') ? new Map() : context.routes());
      return typeof chain === 'string' ? chain : chainSide(chain, side.thresholds);
    }
    case 'config':
      return configSide(side.file, side.route, context.routesOf(side.file));
  }
}

function chainSide(chain: Chain, thresholds: readonly number[] | undefined): ResolvedSide | string {
  const needed = chain.targets.length - 1;
  if (thresholds === undefined) {
    if (chain.configured || needed === 0)
      return { name: chain.name, policy: chain.policy, chain, targets: chain.targets, column: undefined };
    return `${chain.name} has no thresholds; add thresholds: [${Array.from({ length: needed }, () => '0.74').join(', ')}]`;
  }
  if (thresholds.length !== needed)
    return `${chain.name} has ${chain.targets.length} targets, so it takes ${needed} thresholds, not ${thresholds.length}`;
  const policy = withThresholds(chain, thresholds, 'confidence');
  return { name: `${chain.name} at ${thresholds.join(', ')}`, policy, chain, targets: chain.targets, column: undefined };
}

function configSide(file: string, route: string | undefined, routes: ReadonlyMap<string, Route>): ResolvedSide | string {
  const name = route ?? (routes.size === 1 ? [...routes.keys()][0]! : undefined);
  if (name === undefined)
    return `${file} has ${routes.size} routes; name one of them: {config: ${file}, route: ${[...routes.keys()][0] ?? 'NAME'}}`;
  const found = routes.get(name);
  if (!found) return `${file} has no route "${name}"; its routes are ${[...routes.keys()].join(', ')}`;
  const chain = chainOfRoute(name, found);
  if (typeof chain === 'string') return chain;
  return { name: `${name} of ${file}`, policy: chain.policy, chain, targets: chain.targets, column: undefined };
}

/** Taken as it came: no threshold, no time limit. */
function singleColumnSide(name: string, column: Column | undefined): ResolvedSide {
  const nothing: Chain = { name, targets: [], policy: { name, deadlineMs: 1e12, steps: [] }, configured: false };
  return { name, policy: singleTargetPolicy(nothing, name), chain: undefined, targets: [], column };
}

/** Every column that must have a quality; the one to agree with comes last: the candidate's strongest target, else the baseline. */
export function judgedColumns(baseline: ResolvedSide, candidate: ResolvedSide): readonly string[] {
  const columns = (side: ResolvedSide): readonly string[] => (side.column ? [side.column.name] : side.targets);
  const strongest = candidate.chain ? candidate.targets.at(-1)! : columns(baseline).at(-1)!;
  return [...new Set([...columns(baseline), ...columns(candidate)])].filter(column => column !== strongest).concat(strongest);
}
