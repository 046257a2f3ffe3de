/** Takes ClickHouse's RowBinary apart into the bytes of its values: enough to count rows and to tell them apart. */

/** Each row as the bytes of its columns. Throws when the bytes do not end with a row. */
export function* rowsIn(bytes: Buffer, types: readonly string[]): Generator<readonly Buffer[]> {
  const skips = types.map(skipOf);
  let at = 0;
  while (at < bytes.byteLength) {
    const row = skips.map(skip => {
      const start = at;
      at = skip(bytes, at);
      return bytes.subarray(start, at);
    });
    if (at > bytes.byteLength) throw new Error('the rows end in the middle of one');
    yield row;
  }
}

/** Where the value that starts at `at` ends. */
type Skip = (bytes: Buffer, at: number) => number;

const widths: Readonly<Record<string, number>> = {
  ...{
    UInt8: 1,
    Bool: 1,
    Enum8: 1,
    UInt16: 2,
    UInt32: 4,
    DateTime: 4,
    UInt64: 8,
    Int64: 8,
    Float64: 8,
    DateTime64: 8,
    Decimal: 8,
    UUID: 16,
  },
};

function skipOf(type: string): Skip {
  const [, name = '', inner = ''] = /^(\w+)(?:\((.*)\))?$/s.exec(type) ?? [];
  const width = widths[name];
  if (width !== undefined) return (_, at) => at + width;
  if (name === 'String') return skipText;
  if (name === 'LowCardinality') return skipOf(inner);
  if (name === 'Nullable') return nullable(skipOf(inner));
  if (name === 'Array') return many([skipOf(inner)]);
  // No key of ours has a comma in its type.
  const comma = inner.indexOf(',');
  if (name === 'Map') return many([skipOf(inner.slice(0, comma)), skipOf(inner.slice(comma + 1).trim())]);
  throw new Error(`no column of ours has the type ${type}`);
}

const nullable =
  (skip: Skip): Skip =>
  (bytes, at) =>
    bytes[at] === 1 ? at + 1 : skip(bytes, at + 1);

const many =
  (skips: readonly Skip[]): Skip =>
  (bytes, at) => {
    let [count, next] = varint(bytes, at);
    for (; count > 0; count--) for (const skip of skips) next = skip(bytes, next);
    return next;
  };

const skipText: Skip = (bytes, at) => {
  const [length, next] = varint(bytes, at);
  return next + length;
};

function varint(bytes: Buffer, start: number): [value: number, next: number] {
  let [value, scale, at] = [0, 1, start];
  for (; bytes[at]! >= 0x80; scale *= 0x80) value += (bytes[at++]! - 0x80) * scale;
  return [value + bytes[at]! * scale, at + 1];
}
