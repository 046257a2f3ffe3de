/**
 * DeepSeek: it thinks by default, and then ignores temperature and penalties; it enforces no schema and names the user `user_id`.
 * An exhausted balance is a 402 called invalid_request_error. Source: api-docs.deepseek.com, guides/thinking_mode.
 */

import { isObject, type JsonObject } from '../../core/chat/json.ts';
import { nameOf } from '../../core/chat/limits/field-limits.ts';
import { approximated, dropped, type Provider, type Warning } from '../../core/chat/provider.ts';
import { vendorLimits } from '../openai/limits.ts';
import { schemaAsPrompt } from '../openai/schema-prompt.ts';
import { nearestEffort } from '../openai/thinking.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

const ignoredReason = 'DeepSeek ignores it.';
/** `deepseek-chat` is the model that does not think. */
const thinkingModels = /deepseek-(v\d|flash|pro|reasoner)/;
const neutralValues: Readonly<Record<string, number>> = { temperature: 1, presence_penalty: 0, frequency_penalty: 0 };

export const deepseek = vendorProvider({
  name: 'deepseek',
  baseUrl: 'https://api.deepseek.com/v1',
  environment: ['DEEPSEEK_API_KEY'],
  priceBook: 'deepseek',
  limits: { ...vendorLimits, user: nameOf(512), stopCountMax: 16 },
  modelPrefixes: ['deepseek-'],
  unsupported: {
    n: ignoredReason,
    seed: ignoredReason,
    parallel_tool_calls: ignoredReason,
    service_tier: ignoredReason,
    metadata: ignoredReason,
    top_k: ignoredReason,
  },
  renames: { max_completion_tokens: 'max_tokens', user: 'user_id' },
  reasoning: (requested, _model, warnings) => {
    const { effort, budgetTokens } = requested;
    if (effort === 'none' || budgetTokens === 0) return { thinking: { type: 'disabled' } };
    // DeepSeek maps medium and xhigh to high.
    const sentEffort = effort === 'xhigh' ? 'high' : nearestEffort(['low', 'high', 'max'], requested);
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    if (sentEffort !== effort) warnings.push(approximated(field, `DeepSeek knows low, high and max; sent as ${sentEffort}.`));
    return { thinking: { type: 'enabled' }, reasoning_effort: sentEffort };
  },
  amend: (body, model, warnings) => ({ ...dropWithoutEffect(body, model, warnings), ...schemaAsPrompt(body, 'DeepSeek', warnings) }),
}) satisfies Provider;

function dropWithoutEffect(body: JsonObject, model: string, warnings: Warning[]): Record<string, undefined> {
  const isOff = isObject(body.thinking) && body.thinking.type === 'disabled';
  if (isOff || !thinkingModels.test(model)) return {};
  const given = Object.keys(neutralValues).filter(field => Object.hasOwn(body, field));
  for (const field of given) {
    const value = body[field];
    if (value !== null && value !== neutralValues[field]) warnings.push(dropped(field, 'It has no effect while DeepSeek thinks.'));
  }
  return Object.fromEntries(given.map(field => [field, undefined]));
}
