/**
 * DeepSeek: it thinks unless it is told not to, and while it does temperature and penalties have no effect; a schema is not enforced, the user
 * has another name, and a balance that ran out is a 402 called invalid_request_error. Source: api-docs.deepseek.com, guides/thinking_mode.
 */
import { isObject, type JsonObject } from '../core/json.ts';
import { approximated, dropped, type Provider, type Warning } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';
import { schemaAsPrompt } from './openai/structured.ts';
import { nearestEffort } from './openai/thinking.ts';

const ignored = 'DeepSeek passes over it.';
/** `deepseek-chat` is the name of those that do not think. */
const thinks = /deepseek-(v\d|flash|pro|reasoner)/;
const neutral: Readonly<Record<string, number>> = { temperature: 1, presence_penalty: 0, frequency_penalty: 0 };

export const deepseek = dialectOf({
  name: 'deepseek',
  baseUrl: 'https://api.deepseek.com/v1',
  environment: ['DEEPSEEK_API_KEY'],
  priceBook: 'deepseek',
  modelPrefixes: ['deepseek-'],
  refuses: { n: ignored, seed: ignored, parallel_tool_calls: ignored, service_tier: ignored, metadata: ignored, top_k: ignored },
  renames: { max_completion_tokens: 'max_tokens', user: 'user_id' },
  reasoning: (asked, _model, warnings) => {
    const { effort, budgetTokens } = asked;
    if (effort === 'none' || budgetTokens === 0) return { thinking: { type: 'disabled' } };
    // Medium counts as high there, and xhigh does, too.
    const told = effort === 'xhigh' ? 'high' : nearestEffort(['low', 'high', 'max'], asked);
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    if (told !== effort) warnings.push(approximated(field, `DeepSeek knows low, high and max; sent as ${told}.`));
    return { thinking: { type: 'enabled' }, reasoning_effort: told };
  },
  amend: (body, model, warnings) => ({ ...withoutEffect(body, model, warnings), ...schemaAsPrompt(body, 'DeepSeek', warnings) }),
}) satisfies Provider;

function withoutEffect(body: JsonObject, model: string, warnings: Warning[]): Record<string, undefined> {
  const isOff = isObject(body.thinking) && body.thinking.type === 'disabled';
  if (isOff || !thinks.test(model)) return {};
  const said = Object.keys(neutral).filter(field => Object.hasOwn(body, field));
  for (const field of said) {
    const value = body[field];
    if (value !== null && value !== neutral[field]) warnings.push(dropped(field, 'It has no effect while DeepSeek thinks.'));
  }
  return Object.fromEntries(said.map(field => [field, undefined]));
}
