/** JSON as the paths of its keys, each with the types that were seen there: `arms[].totals.pairs number`. */

/** A key that is a datum and no name, such as a target or a tag, stands as `*`. */
const isName = (key: string): boolean => /^[a-z_][A-Za-z0-9_]*$/.test(key);

/** Where keys that look like names are data: feature names, names of signals, of tags. */
export type Data = readonly RegExp[];

export function keyPaths(values: readonly unknown[], data: Data = []): readonly string[] {
  const seen = new Map<string, Set<string>>();
  const note = (path: string, type: string): void => {
    seen.set(path, (seen.get(path) ?? new Set()).add(type));
  };
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) {
      note(path, 'array');
      for (const item of value) walk(item, `${path}[]`);
    } else if (typeof value === 'object' && value !== null) {
      note(path, 'object');
      const open = data.some(pattern => pattern.test(path));
      for (const [key, inner] of Object.entries(value)) {
        walk(inner, `${path}${path === '' ? '' : '.'}${open || !isName(key) ? '*' : key}`);
      }
    } else note(path, value === null ? 'null' : typeof value);
  };
  for (const value of values) walk(value, '');
  return [...seen].filter(([path]) => path !== '').map(([path, types]) => `${path} ${describeTypes(types)}`);
}

/** Whether a value may also be missing depends on the data: null is told only where nothing else was seen. */
function describeTypes(types: ReadonlySet<string>): string {
  const solid = [...types].filter(type => type !== 'null').sort();
  return solid.length === 0 ? 'null' : solid.join(' | ');
}
