/** The model catalogue: context windows from @pydantic/genai-prices, and the features of model families. */
import { calcPrice } from '@pydantic/genai-prices';
import type { ModelFacts } from '../core/money/catalogue.ts';

/** `provider` is the name in the price book, `model` the name in the request. Unknown facts are absent. */
export type FactsOf = (provider: string, model: string) => ModelFacts;

const knownMax = 1_000;
const nameLengthMax = 200;

/** The first match counts. A name is matched without the part before its last slash. */
const families: readonly (readonly [RegExp, Omit<ModelFacts, 'contextWindow'>])[] = [
  [/^(gpt-3\.5|gpt-4-0|gpt-4$|o1-mini|o1-preview)/, { tools: true, vision: false, jsonSchema: false }],
  [/^(gpt-4o|gpt-4\.1|gpt-4\.5|gpt-[5-9]|chatgpt-4o|o1|o3|o4)/, { tools: true, vision: true, jsonSchema: true }],
  [/^gpt-oss/, { tools: true, vision: false, jsonSchema: true }],
  [/^claude-(instant|2)/, { tools: false, vision: false, jsonSchema: false }],
  [/^(anthropic\.)?claude-/, { tools: true, vision: true, jsonSchema: true }],
  [/^gemini-/, { tools: true, vision: true, jsonSchema: true }],
  [/^gemma-/, { tools: false, jsonSchema: true }],
  [/^deepseek-/, { tools: true, vision: false, jsonSchema: false }],
  [/^(pixtral|mistral-medium|mistral-small|mistral-large)/, { tools: true, jsonSchema: true }],
  [/^(codestral|ministral|open-mi)/, { tools: true, vision: false, jsonSchema: true }],
  [/^qwen.*-vl/i, { tools: true, vision: true }],
  [/^qwen/i, { tools: true, vision: false }],
  [/^grok-(2-vision|4)/, { tools: true, vision: true, jsonSchema: true }],
  [/^grok-/, { tools: true, vision: false, jsonSchema: true }],
  [/^llama-?4/i, { tools: true, vision: true }],
  [/^(meta-)?llama-?[23]/i, { vision: false }],
  [/^command-r/, { tools: true, vision: false, jsonSchema: true }],
];

/** The catalogue, with a cache of the last 1,000 models. */
export function createModelCatalogue(): FactsOf {
  const cached = new Map<string, ModelFacts>();
  return (provider, model) => {
    const name = `${provider}/${model}`;
    if (name.length > nameLengthMax) return {};
    const facts = cached.get(name) ?? lookUpFacts(provider, model);
    if (cached.size >= knownMax) cached.delete(cached.keys().next().value!);
    cached.set(name, facts);
    return facts;
  };
}

function lookUpFacts(provider: string, model: string): ModelFacts {
  if (provider === 'simulated') return { contextWindow: 128_000, tools: true, vision: true, jsonSchema: true };
  const found = provider === '' ? null : calcPrice({}, model, { providerId: provider });
  const contextWindow = found?.model.context_window;
  const baseName = model.slice(model.lastIndexOf('/') + 1);
  const family = families.find(([pattern]) => pattern.test(baseName))?.[1];
  return { ...(contextWindow === undefined ? {} : { contextWindow }), ...family };
}
