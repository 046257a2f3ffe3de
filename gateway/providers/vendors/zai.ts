/**
 * Z.AI: one stop sequence, no forced tool, and numeric error codes of its own.
 * Thinking is a switch, and from GLM-5.2 on an effort; 5.3 always thinks. Source: docs.bigmodel.cn, chat completion.
 */
import type { ReasoningEffort } from '../../core/chat/chat.ts';
import { altered, approximated, dropped, type Provider } from '../../core/chat/provider.ts';
import { schemaAsPrompt } from '../openai/schema-prompt.ts';
import { nearestEffort } from '../openai/thinking.ts';
import { vendorProvider, withoutTools } from '../openai/vendor-dialect.ts';

const unknownReason = 'Z.AI has no equivalent.';

/** 5.2 maps other efforts to these; its successors refuse them and always think. */
function effortsOf(model: string): readonly ReasoningEffort[] {
  const [, major = '0', minor = '0'] = /glm-(\d+)(?:\.(\d+))?/.exec(model) ?? [];
  const version = Number(major) * 100 + Number(minor);
  return version < 502 ? [] : version === 502 ? ['high', 'max'] : ['low', 'high', 'max'];
}

export const zai = vendorProvider({
  name: 'zai',
  baseUrl: 'https://api.z.ai/api/paas/v4',
  environment: ['ZAI_API_KEY', 'Z_AI_API_KEY'],
  priceBook: 'zai',
  modelPrefixes: ['glm-'],
  unsupported: {
    n: unknownReason,
    seed: unknownReason,
    logprobs: unknownReason,
    top_logprobs: unknownReason,
    logit_bias: unknownReason,
    frequency_penalty: unknownReason,
    presence_penalty: unknownReason,
    parallel_tool_calls: unknownReason,
    service_tier: unknownReason,
    metadata: unknownReason,
    top_k: unknownReason,
  },
  renames: { max_completion_tokens: 'max_tokens', user: 'user_id' },
  reasoning: (requested, model, warnings) => {
    const { effort, budgetTokens } = requested;
    const off = effort === 'none' || budgetTokens === 0;
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    const efforts = effortsOf(model);
    const always = efforts.includes('low');
    if (off && !always) return { thinking: { type: 'disabled' } };
    if (efforts.length === 0) {
      warnings.push(approximated(field, 'Z.AI has reasoning on or off only; sent as on.'));
      return { thinking: { type: 'enabled' } };
    }
    const sentEffort = nearestEffort(efforts, requested);
    if (sentEffort !== effort)
      warnings.push((off ? altered : approximated)(field, `This model takes ${efforts.join(', ')}; sent as ${sentEffort}.`));
    return { thinking: { type: 'enabled' }, reasoning_effort: sentEffort };
  },
  amend: (body, _model, warnings) => {
    const { stop, tool_choice: choice } = body;
    const many = Array.isArray(stop) && stop.length > 1;
    if (many) warnings.push(dropped('stop', 'Z.AI takes one stop sequence; the rest were left out.'));
    const forced = choice !== undefined && choice !== 'auto' && choice !== 'none';
    if (forced) warnings.push(approximated('tool_choice', 'Z.AI cannot be forced to call a tool; it may call one.'));
    return {
      ...schemaAsPrompt(body, 'Z.AI', warnings),
      ...(many ? { stop: [stop[0]!] } : {}),
      ...(forced ? { tool_choice: 'auto' } : {}),
      ...withoutTools(body, 'Z.AI', warnings),
    };
  },
  /** Source: docs.z.ai, error codes. */
  failureKinds: {
    '1000': 'authentication',
    '1001': 'authentication',
    '1002': 'authentication',
    '1003': 'authentication',
    '1004': 'authentication',
    '1110': 'permission',
    '1111': 'permission',
    '1112': 'permission',
    '1113': 'quota-exceeded',
    '1120': 'overloaded',
    '1211': 'not-found',
    '1212': 'not-found',
    '1220': 'permission',
    '1221': 'not-found',
    '1222': 'not-found',
    '1230': 'server-error',
    '1231': 'invalid-request',
    '1234': 'server-error',
    '1261': 'context-exceeded',
    '1301': 'content-filtered',
    '1302': 'rate-limited',
    '1303': 'rate-limited',
    '1304': 'quota-exceeded',
    '1305': 'overloaded',
    '1308': 'quota-exceeded',
    '1309': 'quota-exceeded',
    '1310': 'quota-exceeded',
    '1311': 'permission',
    '1312': 'overloaded',
    '1313': 'rate-limited',
  },
}) satisfies Provider;
