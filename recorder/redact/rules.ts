/** Compiles the rules of `recorder.redact`: their matches in a text, and the mark that replaces each. */
import { RE2JS } from 're2js';
import type { RedactRule } from '../../gateway/settings/settings.ts';
import { type Detector, detectors, type Range } from './detectors.ts';

export interface Match extends Range {
  /** Name of the rule that found it. */
  readonly rule: string;
}

export interface RedactionRules {
  /** In order, without overlap. Marks never match. */
  find(text: string): readonly Match[];
}

/** Plain letters, which need no escape in JSON, in a stream's line or in a URL. */
export const redactionMark = (rule: string): string => `[redacted:${rule}]`;
const markPattern = /\[redacted:[\w-]{1,40}\]/g;

/** The rules compiled once for many texts. Throws for a pattern that does not compile. */
export function compileRules(rules: readonly RedactRule[]): RedactionRules {
  const named = rules.map(rule => ({
    name: rule.name,
    detect: rule.pattern === undefined ? builtIn(rule.name) : patternDetector(rule.pattern),
  }));
  const inPart = (part: string, offset: number): readonly Match[] =>
    named.flatMap(({ name, detect }) =>
      [...detect(part)].map(({ start, end }) => ({ rule: name, start: start + offset, end: end + offset })),
    );
  return {
    find: text => {
      if (!text.includes('[redacted:')) return withoutOverlaps(inPart(text, 0));
      const found: Match[] = [];
      let from = 0;
      for (const mark of text.matchAll(markPattern)) {
        found.push(...inPart(text.slice(from, mark.index), from));
        from = mark.index + mark[0].length;
      }
      return withoutOverlaps([...found, ...inPart(text.slice(from), from)]);
    },
  };
}

const builtIn = (name: string): Detector => detectors[name as keyof typeof detectors];

/** Not JavaScript's regular expressions: this engine's time is linear in the text. */
function patternDetector(pattern: string): Detector {
  const compiled = RE2JS.compile(pattern);
  return function* (text) {
    const matcher = compiled.matcher(text);
    while (matcher.find()) {
      if (matcher.end() > matcher.start()) yield { start: matcher.start(), end: matcher.end() };
    }
  };
}

/** Merges overlapping matches, under the name of the first, or of the longer one. */
function withoutOverlaps(found: readonly Match[]): readonly Match[] {
  if (found.length < 2) return found;
  const kept: Match[] = [];
  for (const match of found.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = kept.at(-1);
    if (last && match.start < last.end) {
      if (match.end > last.end) kept[kept.length - 1] = { ...last, end: match.end };
    } else kept.push(match);
  }
  return kept;
}
