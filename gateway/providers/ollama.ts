/** Ollama on this machine, at its compatible address: no key, one answer, and no tool can be forced. Source: docs.ollama.com/api/openai-compatibility. */
import { dropped, type Provider } from '../core/provider.ts';
import { dialectOf, withoutTools } from './openai/dialect.ts';

const ignored = 'Ollama passes over it.';

export const ollama = dialectOf({
  name: 'ollama',
  baseUrl: 'http://127.0.0.1:11434/v1',
  environment: [],
  keyOptional: true,
  priceBook: 'ollama',
  refuses: {
    n: ignored,
    logit_bias: ignored,
    user: ignored,
    service_tier: ignored,
    metadata: ignored,
    parallel_tool_calls: ignored,
    top_k: ignored,
  },
  renames: { max_completion_tokens: 'max_tokens' },
  amend: (body, _model, warnings) => {
    const { tool_choice: choice } = body;
    if (choice === undefined || choice === 'auto') return {};
    if (choice === 'none') return withoutTools(body, 'Ollama', warnings);
    warnings.push(dropped('tool_choice', 'Ollama cannot be made to call a tool; it may.'));
    return { tool_choice: undefined };
  },
}) satisfies Provider;
