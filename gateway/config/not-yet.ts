/** What the design names and this version cannot do: refused where it is written, never ignored. Whoever builds one deletes its line. */
import type { Finding, Path } from './problem.ts';
import { isRecord } from './source.ts';

interface NotYet {
  /** `*` stands for any name or number, `**` for any depth. */
  readonly path: string;
  /** What is refused; absent refuses the key itself. Values of the wrong kind are left to the schema. */
  readonly refused?: (value: unknown) => boolean;
  /** What to do meanwhile. */
  readonly mend: string;
}

/** Nothing at present. */
export const notYet: readonly NotYet[] = [];

export function findNotYet(config: unknown): readonly Finding[] {
  return notYet.flatMap(({ path, refused, mend }) =>
    matches(config, path.split('.'), [])
      .filter(({ value }) => refused?.(value) ?? true)
      .map(({ path: found }): Finding => {
        const what = refused ? 'this value' : 'this';
        return { path: found, at: refused ? 'value' : 'key', message: `${what} is not available yet; ${mend}` };
      }),
  );
}

interface Match {
  readonly path: Path;
  readonly value: unknown;
}

function matches(value: unknown, [part, ...rest]: readonly string[], path: Path): readonly Match[] {
  if (part === undefined) return [{ path, value }];
  const inside: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((item, i) => [i, item] as const)
    : isRecord(value)
      ? Object.entries(value)
      : [];
  if (part === '**') {
    return [...matches(value, rest, path), ...inside.flatMap(([name, inner]) => matches(inner, ['**', ...rest], [...path, name]))];
  }
  return inside.filter(([name]) => part === '*' || part === name).flatMap(([name, inner]) => matches(inner, rest, [...path, name]));
}
