/** Parses the engine's printed syntax tree (EXPLAIN AST). Throws for anything that is not one. */
import { exceptions } from '../session/exception.ts';

export interface TreeNode {
  /** `Function`, `TableIdentifier`, `SelectQuery`, ... */
  readonly kind: string;
  /** The text after the kind: a name or a literal. */
  readonly detail: string;
  readonly children: readonly TreeNode[];
}

interface PartialNode extends TreeNode {
  readonly children: TreeNode[];
  readonly expected: number;
}

/** The tree's lines, one node each; a node's depth is its indentation, and it says how many children it has. */
export function parseTree(lines: readonly string[]): TreeNode {
  const path: PartialNode[] = [];
  let root: PartialNode | undefined;
  for (const line of lines) {
    const depth = line.length - line.trimStart().length;
    const node = parseLine(line.slice(depth));
    if (depth > path.length || (depth === 0) !== (root === undefined)) throw unreadableTree(line);
    path.length = depth;
    path.at(-1)?.children.push(node);
    path.push(node);
    root ??= node;
  }
  if (!root) throw unreadableTree('');
  checkCounts(root);
  return root;
}

function parseLine(line: string): PartialNode {
  const counted = /^(.*?)(?: \(children (\d+)\))?$/.exec(line);
  const named = /^(.*?)(?: \(alias .*\))?$/.exec(counted?.[1] ?? '');
  const words = /^([A-Za-z_:]+)(?: (.*))?$/.exec(named?.[1] ?? '');
  if (!counted || !words) throw unreadableTree(line);
  return { kind: words[1]!, detail: words[2] ?? '', children: [], expected: Number(counted[2] ?? 0) };
}

function checkCounts(node: PartialNode): void {
  if (node.children.length !== node.expected) throw unreadableTree(`${node.kind} ${node.detail}`);
  for (const child of node.children) checkCounts(child as PartialNode);
}

const unreadableTree = (line: string) =>
  exceptions.denied(
    `The statement's syntax tree cannot be read, so it is not run (at "${line.slice(0, 80)}"): use names without line breaks.`,
  );

/** Every node with its parent, from the root down. */
export function* nodesOf(root: TreeNode, parent?: TreeNode): Generator<readonly [node: TreeNode, parent: TreeNode | undefined]> {
  yield [root, parent];
  for (const child of root.children) yield* nodesOf(child, root);
}
