/** DeepSeek: thinking is turned on and off, a schema is not enforced, and a balance that ran out is a 402 called invalid_request_error. */
import { approximated, type Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';
import { schemaAsPrompt } from './openai/structured.ts';

const ignored = 'DeepSeek passes over it.';

export const deepseek = dialectOf({
  name: 'deepseek',
  baseUrl: 'https://api.deepseek.com/v1',
  environment: ['DEEPSEEK_API_KEY'],
  priceBook: 'deepseek',
  modelPrefixes: ['deepseek-'],
  refuses: { n: ignored, seed: ignored, parallel_tool_calls: ignored, service_tier: ignored, metadata: ignored, top_k: ignored },
  renames: { max_completion_tokens: 'max_tokens' },
  reasoning: ({ effort, budgetTokens }, _model, warnings) => {
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    if (effort === 'none' || budgetTokens === 0) return { thinking: { type: 'disabled' } };
    const told = effort === 'max' || effort === 'xhigh' ? 'max' : 'high';
    if (told !== effort) warnings.push(approximated(field, `DeepSeek knows high and max; sent as ${told}.`));
    return { thinking: { type: 'enabled' }, reasoning_effort: told };
  },
  amend: (body, _model, warnings) => schemaAsPrompt(body, 'DeepSeek', warnings),
}) satisfies Provider;
