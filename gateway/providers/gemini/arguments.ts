/** Joins the arguments of a call that arrive in parts, such as `{jsonPath: "$.rooms[0].size", numberValue: 4}`. */
import type { Json, JsonObject } from '../../core/chat/json.ts';

type Container = Record<string, unknown> | unknown[];

/** Bounds the memory that a path can allocate. */
const indexMax = 10_000;
const depthMax = 100;
const step = /\.([^.[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;

export interface PartialArguments {
  /** False when the path does not fit. */
  add(increment: JsonObject): boolean;
  /** JSON text of all parts so far. */
  text(): string;
}

export function collectArguments(): PartialArguments {
  const root: Container = Object.create(null);
  return {
    add: increment => {
      const path = typeof increment.jsonPath === 'string' ? pathOf(increment.jsonPath) : undefined;
      return path !== undefined && setAtPath(root, path, increment);
    },
    text: () => JSON.stringify(root),
  };
}

function pathOf(text: string): (string | number)[] | undefined {
  if (!text.startsWith('$')) return undefined;
  const path: (string | number)[] = [];
  step.lastIndex = 1;
  while (step.lastIndex < text.length) {
    const found = step.exec(text);
    if (!found || path.length >= depthMax) return undefined;
    path.push(found[2] === undefined ? (found[1] ?? (found[3] ?? found[4])!.replace(/\\(.)/g, '$1')) : Number(found[2]));
  }
  return path.length > 0 && path.every(key => typeof key === 'string' || key <= indexMax) ? path : undefined;
}

function setAtPath(root: Container, path: readonly (string | number)[], increment: JsonObject): boolean {
  let container = root;
  for (const [at, key] of path.entries()) {
    if (Array.isArray(container) !== (typeof key === 'number')) return false;
    const slots = container as Record<string | number, unknown>;
    if (at === path.length - 1) {
      slots[key] = appendValue(slots[key], increment);
      return true;
    }
    slots[key] ??= typeof path[at + 1] === 'number' ? [] : Object.create(null);
    const next = slots[key];
    if (typeof next !== 'object' || next === null) return false;
    container = next as Container;
  }
  return false;
}

/** A string may arrive in several parts of one path, any other value at once. */
function appendValue(before: unknown, increment: JsonObject): Json {
  if (typeof increment.stringValue === 'string') return typeof before === 'string' ? before + increment.stringValue : increment.stringValue;
  return increment.numberValue ?? increment.boolValue ?? null;
}
