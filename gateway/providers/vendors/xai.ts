/**
 * xAI: its reasoning models refuse penalties and stop sequences, and some refuse an effort. Reasoning tokens are counted beside the
 * completion's.
 * Source: docs.x.ai, reasoning.
 */
import type { ReasoningEffort } from '../../core/chat/chat.ts';
import { approximated, dropped, type Provider } from '../../core/chat/provider.ts';
import { vendorLimits } from '../openai/limits.ts';
import { nearestEffort } from '../openai/thinking.ts';
import { vendorProvider } from '../openai/vendor-dialect.ts';

/** Grok 4 and later reason unless their name says otherwise. */
const reasoningModels = /grok-(3-mini|4|5|code|build)(?!.*non-reasoning)/;

/** The accepted efforts; other models refuse the member. From 4.4 on reasoning cannot be turned off. */
function effortsOf(model: string): readonly ReasoningEffort[] {
  if (/grok-3-mini/.test(model)) return ['low', 'high'];
  if (/grok-4\.3(?!\d)/.test(model)) return ['none', 'low', 'medium', 'high'];
  return /grok-(4\.[4-9](?!\d)|[5-9])/.test(model) ? ['low', 'medium', 'high'] : [];
}

export const xai = vendorProvider({
  name: 'xai',
  baseUrl: 'https://api.x.ai/v1',
  limits: { ...vendorLimits, stopCountMax: 4 },
  environment: ['XAI_API_KEY'],
  priceBook: 'x-ai',
  modelPrefixes: ['grok-'],
  unsupported: {
    logit_bias: 'xAI refuses it.',
    service_tier: 'xAI has no tiers.',
    metadata: 'xAI ignores it.',
    top_k: 'xAI has no equivalent.',
  },
  reasoning: (requested, model, warnings) => {
    const { effort, budgetTokens } = requested;
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    const efforts = effortsOf(model);
    const off = effort === 'none' || budgetTokens === 0;
    if (efforts.length === 0 || (off && !efforts.includes('none'))) {
      warnings.push(dropped(field, 'This model has no parameter for how much it reasons.'));
      return {};
    }
    const sentEffort = nearestEffort(efforts, requested);
    if (sentEffort !== effort) warnings.push(approximated(field, `This model takes ${efforts.join(', ')}; sent as ${sentEffort}.`));
    return { reasoning_effort: sentEffort };
  },
  amend: (body, model, warnings) => {
    if (!reasoningModels.test(model)) return {};
    const refused = ['stop', 'presence_penalty', 'frequency_penalty'].filter(field => Object.hasOwn(body, field));
    for (const field of refused)
      if (body[field] !== 0 && body[field] !== null) warnings.push(dropped(field, "xAI's reasoning models refuse it."));
    return Object.fromEntries(refused.map(field => [field, undefined]));
  },
}) satisfies Provider;
