/** What is wrong with a config, where, and how to mend it; never with a secret in it. */

export interface ConfigProblem {
  readonly file: string;
  /** From 1; 0 when the file as a whole is meant. */
  readonly line: number;
  readonly column: number;
  /** `routes.smart.steps[0].target`; '' for the whole. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly (string | number)[];

/** A problem before its place in the text is looked up: what is wrong with the key, or with its value. */
export interface Finding {
  readonly path: Path;
  readonly at: 'key' | 'value';
  readonly message: string;
  /** Where in the text, when its path does not tell: the second of two equal keys. */
  readonly offset?: number;
}

const problemsMax = 1000;
const shownLengthMax = 80;
/** What keys of providers and of ours begin with; nothing that looks so is ever repeated. */
const secretPattern = /(?:^|[^A-Za-z])(?:sk|pk|rk|hc|gsk|xai|key|AIza|AKIA|eyJ)[-_]?[A-Za-z0-9_-]{6,}|[A-Za-z0-9_+/=-]{40,}/;

export const looksLikeSecret = (text: string): boolean => secretPattern.test(text);

/** A name of a path, or a short value, fit to be printed. */
export function quoted(text: string): string {
  if (looksLikeSecret(text)) return '"[hidden]"';
  const short = text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}…` : text;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, ' ');
}

/** Identifies a place within one config. Not for printing: a name in it may be a misplaced secret. */
export const pathId = (path: Path): string => JSON.stringify(path);

export function formatPath(path: Path): string {
  return path
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[\w$-]{1,80}$/.test(part) || looksLikeSecret(part)) return `[${quoted(part)}]`;
      return i === 0 ? part : `.${part}`;
    })
    .join('');
}

/** In the order of the text, each once. */
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

/** One line each, in the form that editors and terminals make clickable. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.map(({ file, line, column, path, message }) => {
    const place = line > 0 ? `${file}:${line}:${column}` : file;
    return `${place}: ${path === '' ? '' : `${path}: `}${message}`;
  });
  return [...lines, `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in the configuration.`].join('\n');
}
