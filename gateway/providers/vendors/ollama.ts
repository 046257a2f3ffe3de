/**
 * Ollama on this machine, at its compatible endpoint: no key, one choice, and no forced tool. Source:
 * docs.ollama.com/api/openai-compatibility.
 */
import { dropped, type Provider } from '../../core/chat/provider.ts';
import { templateLimits } from '../openai/limits.ts';
import { vendorProvider, withoutTools } from '../openai/vendor-dialect.ts';

const ignoredReason = 'Ollama ignores it.';

export const ollama = vendorProvider({
  name: 'ollama',
  baseUrl: 'http://127.0.0.1:11434/v1',
  limits: templateLimits,
  environment: [],
  keyOptional: true,
  priceBook: 'ollama',
  unsupported: {
    n: ignoredReason,
    logit_bias: ignoredReason,
    user: ignoredReason,
    service_tier: ignoredReason,
    metadata: ignoredReason,
    parallel_tool_calls: ignoredReason,
    top_k: ignoredReason,
  },
  renames: { max_completion_tokens: 'max_tokens' },
  amend: (body, _model, warnings) => {
    const { tool_choice: choice } = body;
    if (choice === undefined || choice === 'auto') return {};
    if (choice === 'none') return withoutTools(body, 'Ollama', warnings);
    warnings.push(dropped('tool_choice', 'Ollama cannot be forced to call a tool; it may call one.'));
    return { tool_choice: undefined };
  },
}) satisfies Provider;
