/** Limits of OpenAI, of its compatible vendors, and of servers with chat templates. Source: OpenAI's API reference and its error messages. */
import { type FieldLimits, nameOf, visibleLetters } from '../../core/chat/limits/field-limits.ts';
import { putLruEntry } from '../../core/shared/lru-map.ts';
import { traitsOf } from './model.ts';

export const openaiLimits: FieldLimits = {
  user: { lengthMax: 64, letters: visibleLetters },
  toolName: nameOf(64),
  outputName: nameOf(64),
  // Older deployments accept 40, newer ones 64.
  callId: { lengthMax: 40, letters: visibleLetters },
  toolCountMax: 128,
  toolForms: ['freeform'],
  stopCountMax: 4,
  metadata: { countMax: 16, keyLengthMax: 64, valueLengthMax: 512 },
  strictSchema: { depthMax: 10, propertyCountMax: 5_000 },
};

/** Vendors of the chat completions format check function names as OpenAI does, and document no limit of ids. */
export const vendorLimits: FieldLimits = { toolName: nameOf(64), outputName: nameOf(64) };

/** Servers that render open models' chat templates, which raise an error at any other place of a system prompt. */
export const templateLimits: FieldLimits = { ...vendorLimits, systemPrompts: 'first' };

const known = new Map<string, FieldLimits>();
const knownMax = 1_000;

/** A model of another vendor at OpenAI's API runs on a compatible server, such as vLLM. */
export function compatibleLimits(model: string): FieldLimits {
  const cached = known.get(model);
  if (cached) return cached;
  const limits = traitsOf(model).isOpenAi ? openaiLimits : templateLimits;
  putLruEntry(known, model, limits, knownMax);
  return limits;
}
