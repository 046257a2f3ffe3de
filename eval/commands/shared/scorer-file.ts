/** A scorer's file: what `eval train` writes and a route's step takes. */
import { z } from 'zod';
import { CommandError, exit } from '../../../gateway/cli/command.ts';
import { featureNames, signalNames } from '../../../gateway/core/signals/names.ts';
import type { Scorer } from '../../../gateway/core/signals/scorer.ts';
import type { FeatureSignal } from '../../calibration/train-scorer.ts';
import { readText } from './options.ts';

/** All that an answer shows by itself. */
export const featureSignals: readonly FeatureSignal[] = [...signalNames.filter(name => name !== 'scorer'), ...featureNames];

const schema = z.strictObject({
  type: z.literal('logistic'),
  features: z
    .array(
      z.strictObject({
        signal: z.enum(featureSignals as [FeatureSignal, ...FeatureSignal[]]),
        weight: z.number(),
        mean: z.number().optional(),
        scale: z.number().optional(),
      }),
    )
    .min(1),
  intercept: z.number(),
});

/** The scorer in a file. Throws CommandError (exit code 2) that says what is wrong with it. */
export function readScorer(file: string): Scorer {
  const refuse = (why: string): CommandError =>
    new CommandError(exit.usage, `${file} is no scorer: ${why}; \`hindcast eval train\` makes one.`);
  let value: unknown;
  try {
    value = JSON.parse(readText(file, 'a scorer'));
  } catch (error) {
    throw error instanceof CommandError ? error : refuse('it is no JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data as Scorer;
  const { path, message } = parsed.error.issues[0]!;
  throw refuse(`${path.map(String).join('.') || 'the whole'}: ${message}`);
}
