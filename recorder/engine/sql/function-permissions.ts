/** Which functions a statement may call, by the engine's categories: new and uncategorised ones are refused. */

export interface FunctionRow {
  readonly name: string;
  readonly is_aggregate: number;
  readonly case_insensitive: number;
  readonly alias_to: string;
  readonly categories: string;
}

export const functionsQuery = 'SELECT name, is_aggregate, case_insensitive, alias_to, categories FROM system.functions';
export const combinatorsQuery = 'SELECT name FROM system.aggregate_function_combinators';

/** These compute from their arguments alone. */
const allowedCategories = new Set(
  (
    'Aggregate Functions,Arithmetic,Arrays,Bit,Bitmap,Comparison,Conditional,Dates and Times,Distance,Encoding,Financial,Geo,Geo Polygon,Hash,' +
    'IP Address,JSON,Logical,Map,Mathematical,Null,NumericIndexedVector,QBit,Random Number,Rounding,String,String Replacement,String Search,' +
    'String Splitting,Time Series,Time Window,Tuple,Type Conversion,URL,UUID'
  ).split(','),
);

/** Of the categories "Other" and "Internal", and of those without any. Not here: files, dictionaries, joins by name, sleeping, the machine. */
const allowedNames = new Set(
  (
    'bar blockNumber blockSize byteSize countDigits currentDatabase currentQueryID currentSchemas currentUser defaultValueOfArgumentType ' +
    'defaultValueOfTypeName digits displayName dumpColumnStructure errorCodeToName finalizeAggregation formatQuery formatQueryOrNull ' +
    'formatQuerySingleLine formatQuerySingleLineOrNull formatReadableDecimalSize formatReadableQuantity formatReadableSize ' +
    'formatReadableTimeDelta getSetting getSettingOrDefault getSizeOfEnumType getSubcolumn globalVariable hostName identity ignore indexHint ' +
    'initialQueryID initializeAggregation isConstant isDecimalOverflow lowCardinalityIndices lowCardinalityKeys materialize ' +
    'minSampleSizeContinuous minSampleSizeConversion neighbor normalizeQuery normalizeQueryKeepNames normalizedQueryHash ' +
    'normalizedQueryHashKeepNames parseReadableSize parseReadableSizeOrNull parseReadableSizeOrZero parseTimeDelta queryID revision ' +
    'rowNumberInAllBlocks rowNumberInBlock runningAccumulate runningDifference runningDifferenceStartingWithFirstValue throwIf ' +
    'toColumnTypeName toTypeName tokenizeQuery transform uptime variantElement variantType version visibleWidth _CAST caseWithExpression ' +
    'caseWithExpr caseWithoutExpr caseWithoutExpression'
  ).split(' '),
);

/** Syntax that the tree prints as a function although the engine lists none of that name. */
const syntax = new Set(['lambda', 'untuple', 'exists', 'grouping']);

export interface FunctionPermissions {
  /** Whether it may be called, and why not. */
  permissionOf(name: string): 'allowed' | 'forbidden' | 'unknown';
  /** Whether a bare name means a function that may not be called: `arrayMap(file, ...)` calls it as well. */
  forbidsBareName(name: string): boolean;
}

/** Permissions from the rows of `system.functions` and the names of combinators. */
export function functionPermissions(rows: readonly FunctionRow[], combinators: readonly string[]): FunctionPermissions {
  const byName = new Map(rows.map(row => [row.name, row]));
  const byLowerCaseName = new Map(rows.filter(row => row.case_insensitive).map(row => [row.name.toLowerCase(), row]));
  const find = (name: string) => byName.get(name) ?? byLowerCaseName.get(name.toLowerCase());
  const allows = (row: FunctionRow): boolean => {
    const target = (row.alias_to && find(row.alias_to)) || row;
    const among = target.categories.split(',').filter(category => category !== '');
    if (allowedNames.has(target.name) || allowedNames.has(row.name)) return true;
    return among.length > 0 && among.every(category => allowedCategories.has(category));
  };
  const aggregate = (name: string): FunctionRow | undefined => {
    const row = find(name);
    if (row) return row.is_aggregate ? row : undefined;
    const suffix = combinators.find(combinator => name.length > combinator.length && name.endsWith(combinator));
    return suffix === undefined ? undefined : aggregate(name.slice(0, -suffix.length));
  };
  const forbidden = new Set(rows.filter(row => !allows(row)).map(row => row.name.toLowerCase()));
  return {
    permissionOf(name) {
      if (syntax.has(name)) return 'allowed';
      const row = find(name) ?? aggregate(name);
      if (!row) return 'unknown';
      return allows(row) ? 'allowed' : 'forbidden';
    },
    forbidsBareName: name => forbidden.has(name.toLowerCase()),
  };
}
