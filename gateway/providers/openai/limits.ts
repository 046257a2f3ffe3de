/** What OpenAI takes as ids and names. Source: its API reference and the `string_above_max_length` errors that its API answers. */
import { type FieldLimits, nameOf, visibleLetters } from '../../core/chat/field-limits.ts';

export const openaiLimits: FieldLimits = {
  user: { lengthMax: 64, letters: visibleLetters },
  toolName: nameOf(64),
  outputName: nameOf(64),
  // Older deployments take 40, newer ones 64.
  callId: { lengthMax: 40, letters: visibleLetters },
  toolCountMax: 128,
  metadata: { countMax: 16, keyLengthMax: 64, valueLengthMax: 512 },
};

/** Vendors that speak chat completions check the names of functions as OpenAI does, and say nothing of ids. */
export const vendorLimits: FieldLimits = { toolName: nameOf(64), outputName: nameOf(64) };
