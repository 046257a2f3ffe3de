/** xAI: its reasoning models refuse penalties and stop sequences; tokens of reasoning stand beside the completion's, not within. */
import { approximated, dropped, type Provider } from '../core/provider.ts';
import { dialectOf } from './openai/dialect.ts';

/** Grok 4 and what came after it reason unless their name says otherwise; only these small ones are told how much. */
const reasons = /grok-(3-mini|4|5|code)(?!.*non-reasoning)/;
const adjustable = /grok-(3-mini|4\.[3-9])/;

export const xai = dialectOf({
  name: 'xai',
  baseUrl: 'https://api.x.ai/v1',
  environment: ['XAI_API_KEY'],
  priceBook: 'x-ai',
  modelPrefixes: ['grok-'],
  refuses: {
    logit_bias: 'xAI refuses it.',
    service_tier: 'xAI has no tiers.',
    metadata: 'xAI passes over it.',
    top_k: 'xAI has nothing like it.',
  },
  reasoning: ({ effort, budgetTokens }, model, warnings) => {
    const field = effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
    if (adjustable.test(model) && effort !== 'none' && budgetTokens !== 0) {
      const told = effort === 'low' || effort === 'minimal' ? 'low' : 'high';
      if (told !== effort) warnings.push(approximated(field, `This model takes low and high; sent as ${told}.`));
      return { reasoning_effort: told };
    }
    warnings.push(dropped(field, 'How much this model reasons cannot be told.'));
    return {};
  },
  amend: (body, model, warnings) => {
    if (!reasons.test(model)) return {};
    const refused = ['stop', 'presence_penalty', 'frequency_penalty'].filter(field => Object.hasOwn(body, field));
    for (const field of refused)
      if (body[field] !== 0 && body[field] !== null) warnings.push(dropped(field, "xAI's reasoning models refuse it."));
    return Object.fromEntries(refused.map(field => [field, undefined]));
  },
}) satisfies Provider;
