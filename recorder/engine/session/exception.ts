/** Errors of the engine: ClickHouse's codes and names, and the HTTP status for each. */

export class EngineException extends Error {
  readonly code: number;
  readonly codeName: string;

  constructor(code: number, codeName: string, message: string) {
    super(message);
    this.code = code;
    this.codeName = codeName;
  }
}

/** Errors that this layer raises itself. */
export const exceptions = {
  badArguments: (message: string) => new EngineException(36, 'BAD_ARGUMENTS', message),
  unknownFunction: (message: string) => new EngineException(46, 'UNKNOWN_FUNCTION', message),
  notImplemented: (message: string) => new EngineException(48, 'NOT_IMPLEMENTED', message),
  unknownTable: (message: string) => new EngineException(60, 'UNKNOWN_TABLE', message),
  syntax: (message: string) => new EngineException(62, 'SYNTAX_ERROR', message),
  unknownFormat: (message: string) => new EngineException(73, 'UNKNOWN_FORMAT', message),
  unknownDatabase: (message: string) => new EngineException(81, 'UNKNOWN_DATABASE', message),
  incorrectData: (message: string) => new EngineException(117, 'INCORRECT_DATA', message),
  unknownSetting: (message: string) => new EngineException(115, 'UNKNOWN_SETTING', message),
  readonly: (message: string) => new EngineException(164, 'READONLY', message),
  timeout: (message: string) => new EngineException(159, 'TIMEOUT_EXCEEDED', message),
  tooManyQueries: (message: string) => new EngineException(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', message),
  tooManyConnections: (message: string) => new EngineException(210, 'NETWORK_ERROR', message),
  tooManyBytes: (message: string) => new EngineException(307, 'TOO_MANY_BYTES', message),
  unknownCompression: (message: string) => new EngineException(89, 'UNKNOWN_COMPRESSION_METHOD', message),
  unknownColumn: (message: string) => new EngineException(16, 'NO_SUCH_COLUMN_IN_TABLE', message),
  noHandler: (message: string) => new EngineException(404, 'NOT_FOUND', message),
  denied: (message: string) => new EngineException(497, 'ACCESS_DENIED', message),
  unauthenticated: (message: string) => new EngineException(516, 'AUTHENTICATION_FAILED', message),
  cancelled: (message: string) => new EngineException(394, 'QUERY_WAS_CANCELLED', message),
  closing: (message: string) => new EngineException(236, 'ABORTED', message),
} as const;

/** Any error as an EngineException. The engine's errors carry their code in the text; others are bugs. */
export function exceptionOf(error: unknown): EngineException {
  if (error instanceof EngineException) return error;
  const message = error instanceof Error ? error.message : String(error);
  const found = /Code: (\d+)\. DB::Exception: ([\s\S]*?)(?: \(([A-Z][A-Z0-9_]+)\))?\s*$/.exec(message);
  if (!found) return new EngineException(1002, 'UNKNOWN_EXCEPTION', message);
  return new EngineException(Number(found[1]), found[3] ?? 'UNKNOWN_EXCEPTION', found[2]!);
}

/** As a ClickHouse server words it, so that clients find code and name in it. */
export const exceptionText = (fault: EngineException, version: string): string =>
  `Code: ${fault.code}. DB::Exception: ${fault.message} (${fault.codeName}) (version ${version} (embedded))\n`;

const statusByCode: ReadonlyMap<number, number> = new Map([
  // Not permitted.
  ...[164, 192, 193, 291, 492, 497, 516].map(code => [code, 403] as const),
  // Not found.
  ...[46, 47, 60, 81, 115].map(code => [code, 404] as const),
  // Bad requests.
  ...[6, 16, 26, 27, 36, 38, 41, 42, 43, 50, 53, 62, 69, 70, 72, 73, 89, 117, 130, 344, 386, 452, 456, 457].map(
    code => [code, 400] as const,
  ),
  [404, 404],
  [48, 501],
  [159, 408],
  [202, 503],
  [210, 503],
  [236, 503],
  [307, 413],
  [394, 499],
]);

/** The HTTP status for the engine's error; 500 when it has none of its own. */
export const httpStatusOf = (fault: EngineException): number => statusByCode.get(fault.code) ?? 500;
