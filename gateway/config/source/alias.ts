/** Resolves YAML aliases: each refers to the last node before it with the anchor's name. */
import { type Alias, isAlias, isMap, isNode, isSeq, type Node } from 'yaml';

export type AliasTargets = ReadonlyMap<Alias, Node>;

/** The target of each alias; aliases without an anchor are absent. */
export function aliasTargets(contents: unknown, depthMax: number): AliasTargets {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  const index = (node: unknown, depth: number): void => {
    if (!isNode(node) || depth > depthMax) return;
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target) targets.set(node, target);
      return;
    }
    if (node.anchor) anchors.set(node.anchor, node);
    if (isSeq(node)) for (const item of node.items) index(item, depth + 1);
    if (isMap(node)) for (const pair of node.items) index(pair.value, depth + 1);
  };
  index(contents, 0);
  return targets;
}

/** Whether the alias is inside its own target. Targets precede their aliases, so there is no other cycle. */
export const isEndless = (alias: Alias, target: Node): boolean =>
  alias.range != null && target.range != null && alias.range[1] <= target.range[1];
