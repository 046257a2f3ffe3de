/** OpenAI's limits of ids and names. Source: its API reference and its `string_above_max_length` errors. */
import { type FieldLimits, nameOf, visibleLetters } from '../../core/chat/field-limits.ts';

export const openaiLimits: FieldLimits = {
  user: { lengthMax: 64, letters: visibleLetters },
  toolName: nameOf(64),
  outputName: nameOf(64),
  // Older deployments accept 40, newer ones 64.
  callId: { lengthMax: 40, letters: visibleLetters },
  toolCountMax: 128,
  metadata: { countMax: 16, keyLengthMax: 64, valueLengthMax: 512 },
};

/** Vendors of the chat completions format check function names as OpenAI does, and document no limit of ids. */
export const vendorLimits: FieldLimits = { toolName: nameOf(64), outputName: nameOf(64) };
