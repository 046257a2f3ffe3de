/** The probability with which each request's outcomes are drawn by a route's audits and shadows. */
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import type { Cell, UnlabelledItem } from './label.ts';

/** A request before its chances are known, with what decides them. */
export interface DrawableItem extends UnlabelledItem {
  /** Route and configuration: all their requests are drawn with the same chances. */
  readonly drawing: string;
}

/**
 * Items with `chance` wherever it is known: 1 where no outcome needed a draw, else the recorded one, for drawn and undrawn requests of the
 * same route and configuration alike. `weight` is one over it where the outcomes are there. An audit that was drawn and brought nothing
 * leaves an outcome without a quality: it was looked at, and is missing. Outcomes that no chance draws stay unknown. Without audits of its configuration a request keeps no chance.
 */
export function withDrawChances(items: readonly DrawableItem[], targets: readonly string[]): readonly UnlabelledItem[] {
  const groups = chancesByGroup(items);
  return items.map(({ drawing, ...item }) => {
    const drawn = groups.get(drawing);
    if (!drawn) return item;
    const cells = withLostAudits(item, targets, drawn);
    const draws = targets.filter(target => isDrawable(item, cells, target, drawn));
    if (draws.length === 0) return { ...item, cells, ...(targets.every(target => cells.has(target)) ? { chance: 1 } : {}) };
    const chance = draws.reduce((product, target) => product * (cells.get(target)?.drawProbability ?? drawn.get(target)!.chance), 1);
    const isDrawn = draws.every(target => cells.has(target));
    return { ...item, cells, chance, ...(isDrawn && chance < 1 ? { weight: 1 / chance } : {}) };
  });
}

/** Whether the item's outcome of the target was drawn, or would have been by the same chance. */
function isDrawable(item: UnlabelledItem, cells: ReadonlyMap<string, Cell>, target: string, drawn: ReadonlyMap<string, Draw>): boolean {
  const cell = cells.get(target);
  if (cell) return cell.drawProbability !== undefined;
  const own = drawn.get(target);
  return own !== undefined && (own.by !== 'audit' || isTakenEarly(item, target));
}

interface Draw {
  readonly by: string;
  readonly chance: number;
}

/** By route and configuration, what is drawn of which target. The least chance where several were recorded. */
function chancesByGroup(items: readonly DrawableItem[]): ReadonlyMap<string, ReadonlyMap<string, Draw>> {
  const groups = new Map<string, Map<string, Draw>>();
  for (const { drawing, cells } of items) {
    for (const [target, { drawProbability, drawnBy = '' }] of cells) {
      if (drawProbability === undefined) continue;
      const group = groups.get(drawing) ?? new Map<string, Draw>();
      const known = group.get(target);
      if (!known || drawProbability < known.chance) group.set(target, { by: drawnBy, chance: drawProbability });
      groups.set(drawing, group);
    }
  }
  return groups;
}

/** Audits are drawn among responses that were accepted before the last target was called. */
const isTakenEarly = ({ id, cells }: UnlabelledItem, target: string): boolean =>
  [...cells].some(([other, { scoredExchange }]) => other !== target && scoredExchange === id);

/** The gateway draws audits by the request's id, so that those which never came back are known. */
function withLostAudits(item: UnlabelledItem, targets: readonly string[], drawn: ReadonlyMap<string, Draw>): ReadonlyMap<string, Cell> {
  const lost = targets.filter(target => {
    const own = drawn.get(target);
    return own?.by === 'audit' && !item.cells.has(target) && isTakenEarly(item, target) && seededUniform(item.id, 'audit') < own.chance;
  });
  if (lost.length === 0) return item.cells;
  return new Map([
    ...item.cells,
    ...lost.map((target): [string, Cell] => [target, { signals: {}, drawProbability: drawn.get(target)!.chance }]),
  ]);
}
