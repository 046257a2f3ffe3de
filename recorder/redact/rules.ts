/** The rules of `recorder.redact` made ready: what they find in a text, and the mark that stands there afterwards. */
import { RE2JS } from 're2js';
import type { RedactRule } from '../../gateway/settings/settings.ts';
import { type Detector, detectors, type Range } from './detectors.ts';

export interface Match extends Range {
  /** Name of the rule that found it. */
  readonly rule: string;
}

export interface RedactionRules {
  /** In order and apart from one another; nothing of a mark is found again. */
  find(text: string): readonly Match[];
}

/** Plain letters: in JSON, in a stream's line and in an address it changes nothing around it. */
export const redactionMark = (rule: string): string => `[redacted:${rule}]`;
const markPattern = /\[redacted:[\w-]{1,40}\]/g;

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

/** Never the language's own expressions: this engine's time grows with the text and not with how it is doubled inside. */
function patternDetector(pattern: string): Detector {
  const compiled = RE2JS.compile(pattern);
  return function* (text) {
    const matcher = compiled.matcher(text);
    while (matcher.find()) {
      if (matcher.end() > matcher.start()) yield { start: matcher.start(), end: matcher.end() };
    }
  };
}

/** What overlaps becomes one, under the name of the one that begins first, or is longer. */
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
