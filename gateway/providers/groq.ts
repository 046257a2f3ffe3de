/** Groq: refuses log-probabilities, names of speakers and more than one answer; reasoning comes apart from the text when asked for. */
import { isObject, type Json, type JsonObject } from '../core/json.ts';
import { approximated, dropped, type Provider, type Warning } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';

const refused = 'Groq refuses it.';

export const groq = dialectOf({
  name: 'groq',
  baseUrl: 'https://api.groq.com/openai/v1',
  environment: ['GROQ_API_KEY'],
  priceBook: 'groq',
  refuses: { logprobs: refused, top_logprobs: refused, logit_bias: refused, n: refused, top_k: refused },
  renames: { max_tokens: 'max_completion_tokens' },
  reasoning: ({ effort, budgetTokens }, model, warnings) => {
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    const off = effort === 'none' || budgetTokens === 0;
    if (/gpt-oss/.test(model)) {
      const told = effort === 'low' || effort === 'medium' ? effort : off || effort === 'minimal' ? 'low' : 'high';
      if (told !== effort) warnings.push(approximated(field, `This model takes low, medium and high; sent as ${told}.`));
      return { reasoning_effort: told };
    }
    if (/qwen/.test(model)) return { reasoning_effort: off ? 'none' : 'default', ...(off ? {} : { reasoning_format: 'parsed' }) };
    if (!off) warnings.push(dropped(field, 'How much this model reasons cannot be told.'));
    return {};
  },
  amend: (body, _model, warnings) => withoutNames(body, warnings),
}) satisfies Provider;

/** A tool's result may be named. */
function withoutNames({ messages }: JsonObject, warnings: Warning[]): { readonly messages?: Json } {
  if (!Array.isArray(messages)) return {};
  let changed = false;
  const nameless = (messages as readonly Json[]).map((message, index): Json => {
    if (!isObject(message) || message.name === undefined || message.role === 'tool') return message;
    changed = true;
    warnings.push(dropped(`messages[${index}].name`, refused));
    const { name: _, ...rest } = message;
    return rest;
  });
  return changed ? { messages: nameless } : {};
}
