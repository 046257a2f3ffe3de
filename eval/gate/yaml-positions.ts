/** YAML with the position of each value in the file. */

import { isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { syntaxMessage } from '../../gateway/config/source/syntax.ts';

export interface PositionedProblem {
  readonly line: number;
  readonly column: number;
  /** Dotted: `gates.0.assert`; '' for the whole file. */
  readonly path: string;
  readonly message: string;
}

export type PositionedYaml =
  | { readonly ok: true; readonly value: unknown; at(path: readonly PropertyKey[]): Omit<PositionedProblem, 'message'> }
  | { readonly ok: false; readonly problems: readonly PositionedProblem[] };

export function parsePositionedYaml(source: string): PositionedYaml {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const place = (offset: number, path: readonly PropertyKey[]): Omit<PositionedProblem, 'message'> => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), path: path.map(String).join('.') };
  };
  if (document.errors.length > 0) {
    return {
      ok: false,
      problems: document.errors.map(error => ({ ...place(error.pos[0], []), message: syntaxMessage(error.code, source, error.pos[0]) })),
    };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return { ok: false, problems: [{ ...place(0, []), message: `is no YAML that can be read: ${(error as Error).message}` }] };
  }
  return { ok: true, value, at: path => place(offsetOf(document.contents, path), path) };
}

/** Where the value stands, or its key when it is a key that should not be there; the nearest parent of what is missing. */
function offsetOf(root: Node | null, path: readonly PropertyKey[]): number {
  let node: Node | null = root;
  let offset = root?.range?.[0] ?? 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(item => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key));
      if (!pair) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (node && 'items' in node) {
      node = ((node.items as unknown[])[Number(key)] ?? null) as Node | null;
      offset = node?.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}
