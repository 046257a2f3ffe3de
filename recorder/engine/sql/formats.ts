/** Formats of the HTTP interface: which exist, which can be streamed, and their content types. */

const nameSet = (names: string): ReadonlySet<string> => new Set(names.split(' '));

/** Formats that can be streamed: chunks put end to end are one document. */
const rowByRow = nameSet(
  'JSONEachRow JSONLines NDJSON JSONCompactEachRow JSONStringsEachRow JSONCompactStringsEachRow TabSeparated TSV TabSeparatedRaw TSVRaw Raw ' +
    'CSV TSKV RowBinary Native LineAsString',
);

const withNames = nameSet(
  'JSONCompactEachRowWithNames JSONCompactEachRowWithNamesAndTypes JSONCompactStringsEachRowWithNames ' +
    'JSONCompactStringsEachRowWithNamesAndTypes TabSeparatedWithNames TabSeparatedWithNamesAndTypes TSVWithNames TSVWithNamesAndTypes ' +
    'TabSeparatedRawWithNames TabSeparatedRawWithNamesAndTypes TSVRawWithNames TSVRawWithNamesAndTypes CSVWithNames CSVWithNamesAndTypes ' +
    'RowBinaryWithNames RowBinaryWithNamesAndTypes',
);

const documents = nameSet(
  'JSON JSONCompact JSONStrings JSONCompactStrings JSONObjectEachRow JSONColumns JSONCompactColumns JSONColumnsWithMetadata Values ' +
    'BSONEachRow MsgPack Parquet Arrow ArrowStream ORC Avro Npy',
);

const outputOnly = nameSet(
  'JSONEachRowWithProgress JSONStringsEachRowWithProgress Pretty PrettyCompact PrettySpace PrettyMonoBlock PrettyCompactMonoBlock ' +
    'PrettySpaceMonoBlock PrettyNoEscapes PrettyCompactNoEscapes PrettySpaceNoEscapes PrettyJSONEachRow JSONEachRowPretty Vertical Markdown XML ' +
    'SQLInsert Null Hash Prometheus RawBLOB',
);

const inputOnly = nameSet('JSONAsString JSONAsObject RowBinaryWithDefaults');

/** Whether a format can be streamed row by row. */
export const isRowByRow = (format: string): boolean => rowByRow.has(format);

/** Whether the HTTP interface writes this format. */
export const isOutputFormat = (format: string): boolean => [rowByRow, withNames, documents, outputOnly].some(set => set.has(format));

/** Whether the HTTP interface reads this format. */
export const isInputFormat = (format: string): boolean => [rowByRow, withNames, documents, inputOnly].some(set => set.has(format));

/** The content type of a format's output. */
export function contentTypeOf(format: string): string {
  if (/^JSON\w*EachRow|^JSONLines$|^NDJSON$/.test(format) && format !== 'JSONObjectEachRow') return 'application/x-ndjson; charset=UTF-8';
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8';
  if (format.startsWith('CSV')) return `text/csv; charset=UTF-8; header=${format.includes('Names') ? 'present' : 'absent'}`;
  if (/^(TSV|TabSeparated|Raw$|TSKV)/.test(format)) return 'text/tab-separated-values; charset=UTF-8';
  if (format === 'XML') return 'application/xml; charset=UTF-8';
  if (/^(RowBinary|Native|Parquet|Arrow|ORC|Avro|MsgPack|BSON|Npy|RawBLOB)/.test(format)) return 'application/octet-stream';
  return 'text/plain; charset=UTF-8';
}
