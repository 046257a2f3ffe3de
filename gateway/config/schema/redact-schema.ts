/** `recorder.redact`: built-in detectors by name, and the operator's patterns. */
import { RE2JS } from 're2js';
import { z } from 'zod';
import { joinWords, list, oneOf, section, text } from './fields.ts';

/** The detectors of recorder/redact/detectors.ts. */
export const detectorNames = ['email', 'phone', 'card', 'iban', 'ip', 'secret'] as const;

const patternLengthMax = 1_000;

const customRule = section('a map such as { name: staff, pattern: "EMP-[0-9]{6}" }', {
  name: z
    .string({ error: () => 'expected a name' })
    .regex(/^[\w-]{1,40}$/, { error: () => 'expected 1 to 40 letters, digits, "_" or "-": the name replaces the redacted text' })
    .refine(name => !(detectorNames as readonly string[]).includes(name), {
      error: () => `a built-in detector has this name; choose another name, or write only the name`,
    })
    .describe('Replaces each match, as `[redacted:NAME]`.'),
  pattern: text('a regular expression')
    .max(patternLengthMax, { error: () => `expected at most ${patternLengthMax} characters` })
    .superRefine((pattern, context) => {
      const fault = patternProblem(pattern);
      if (fault !== undefined) context.addIssue(fault);
    })
    .describe("A regular expression in RE2's syntax: no look-around, no back-references, linear time."),
});

/** Accepts any text before it checks the name, so that a map is tried as a custom rule. */
const detector = z
  .string({ error: () => `expected ${joinWords(detectorNames)}` })
  .meta({ enum: detectorNames })
  .pipe(oneOf(detectorNames));

export const redactRules = list(
  'a list such as [email, card, { name: staff, pattern: "EMP-[0-9]{6}" }]',
  z.union([detector, customRule]),
  100,
);

function patternProblem(pattern: string): string | undefined {
  try {
    return RE2JS.compile(pattern).matches('')
      ? 'this pattern matches an empty text, which is everywhere; make it match at least one character'
      : undefined;
  } catch {
    return 'this is not a regular expression in RE2 syntax, which has no look-around and no back-references';
  }
}
