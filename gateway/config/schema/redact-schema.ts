/** `recorder.redact`: built-in detectors by name, and patterns of the operator's own. */
import { RE2JS } from 're2js';
import { z } from 'zod';
import { joinWords, list, oneOf, section, text } from './fields.ts';

/** What recorder/redact/detectors.ts has. */
export const detectorNames = ['email', 'phone', 'card', 'iban', 'ip', 'secret'] as const;

const patternLengthMax = 1_000;

const customRule = section('a map such as { name: staff, pattern: "EMP-[0-9]{6}" }', {
  name: z
    .string({ error: () => 'expected a name' })
    .regex(/^[\w-]{1,40}$/, { error: () => 'expected 1 to 40 letters, digits, "_" or "-": the name stands where something was taken out' })
    .refine(name => !(detectorNames as readonly string[]).includes(name), {
      error: () => `a built-in detector has this name; choose another, or write the name alone`,
    })
    .describe('Stands in the place of what was found, as `[redacted:NAME]`.'),
  pattern: text('a regular expression')
    .max(patternLengthMax, { error: () => `expected at most ${patternLengthMax} characters` })
    .superRefine((pattern, context) => {
      const fault = patternProblem(pattern);
      if (fault !== undefined) context.addIssue(fault);
    })
    .describe("A regular expression in RE2's syntax, which has no look-around and no back-references, and is never slow."),
});

/** A text first: a map is then no wrong word but a rule of one's own. */
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
      ? 'this pattern also matches an empty text, which is everywhere; make it match something'
      : undefined;
  } catch {
    return 'this is no regular expression in RE2 syntax, which has no look-around and no back-references';
  }
}
