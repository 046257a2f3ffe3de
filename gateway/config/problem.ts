/** Problems of a config: what is wrong, where, and how to fix it; never with a secret in the text. */

export interface ConfigProblem {
  readonly file: string;
  /** From 1; 0 for a problem of the whole file. */
  readonly line: number;
  readonly column: number;
  /** `routes.smart.steps[0].target`; '' for the whole file. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly (string | number)[];

/** A problem with a key or its value, before its line and column are known. */
export interface Finding {
  readonly path: Path;
  readonly at: 'key' | 'value';
  readonly message: string;
  /** Offset in the text, when the path is ambiguous: the second of two equal keys. */
  readonly offset?: number;
}

const problemsMax = 1000;
const shownLengthMax = 80;
/** Prefixes of API keys. A text that matches is never printed. */
const secretPattern = /(?:^|[^A-Za-z])(?:sk|pk|rk|hc|gsk|xai|key|AIza|AKIA|eyJ)[-_]?[A-Za-z0-9_-]{6,}|[A-Za-z0-9_+/=-]{40,}/;

/** Whether a text looks like a key or a token, so that no message repeats it. */
export const looksLikeSecret = (text: string): boolean => secretPattern.test(text);

/** A name or a short value, safe to print: secrets are hidden, long texts cut, control characters removed. */
export function quoted(text: string): string {
  if (looksLikeSecret(text)) return '"[hidden]"';
  const short = text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}…` : text;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, ' ');
}

/** Identifies a path within one config. Do not print it: a name in it may be a misplaced secret. */
export const pathId = (path: Path): string => JSON.stringify(path);

/** The path as printed: `routes.smart.steps[0].target`, with secrets hidden. */
export function formatPath(path: Path): string {
  return path
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[\w$-]{1,80}$/.test(part) || looksLikeSecret(part)) return `[${quoted(part)}]`;
      return i === 0 ? part : `.${part}`;
    })
    .join('');
}

/** The problems in the order of the text, without duplicates, 1,000 at most. */
export function sortProblems(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const seen = new Set<string>();
  return problems
    .filter(problem => {
      const id = `${problem.file} ${problem.path} ${problem.message}`;
      return !seen.has(id) && seen.add(id);
    })
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .slice(0, problemsMax);
}

/** One line per problem, as `file:line:column`, which editors and terminals make clickable. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.map(({ file, line, column, path, message }) => {
    const place = line > 0 ? `${file}:${line}:${column}` : file;
    return `${place}: ${path === '' ? '' : `${path}: `}${message}`;
  });
  return [...lines, `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in the configuration.`].join('\n');
}
