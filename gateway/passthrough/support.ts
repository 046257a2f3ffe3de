/** Which providers have which of these endpoints, in the shape that callers speak here: OpenAI's, and for rerank Cohere's and Jina's. */
import type { Operation } from '../core/exchange.ts';
import type { Account } from '../settings/settings.ts';

const audioOperations: readonly Operation[] = ['speech', 'transcription', 'translation'];
const fileOperations: readonly Operation[] = ['files', 'batches'];

/** By the provider's own name. Source: the vendors' API references, November 2026; only endpoints of the same shape are listed. */
const supportedOperations: Readonly<Record<string, readonly Operation[]>> = {
  openai: ['embeddings', 'images', 'moderation', ...audioOperations, ...fileOperations],
  azure: ['embeddings', 'images', ...audioOperations, ...fileOperations],
  groq: [...audioOperations, ...fileOperations],
  'openai-responses': ['embeddings'],
  gemini: ['embeddings'],
  openrouter: ['embeddings'],
  qwen: ['embeddings'],
  ollama: ['embeddings'],
  together: ['embeddings', 'images', 'speech', 'transcription', 'rerank', ...fileOperations],
  fireworks: ['embeddings', 'rerank'],
  mistral: ['embeddings', 'moderation', 'transcription', 'files'],
  xai: ['images', 'files', 'batches'],
  deepinfra: ['embeddings', 'images', 'rerank'],
  cohere: ['rerank'],
};

/** Any server may stand behind a base URL of the operator's own: what it lacks it says itself. */
const isCustomEndpoint = ({ provider, baseUrl }: Account): boolean => provider.name === 'openai' && baseUrl !== provider.baseUrl;

export function supports(account: Account, operation: Operation): boolean {
  if (account.provider.simulate) return false;
  if (isCustomEndpoint(account)) return true;
  return supportedOperations[account.provider.name]?.includes(operation) ?? false;
}

/** Appended to the account's base URL, which includes `/v1` but for Azure, where a deployment stands in the path, and Cohere. */
export function pathAt(account: Pick<Account, 'provider' | 'baseUrl'>, operation: Operation, path: string, model: string): string {
  const own = path.replace(/^\/v1/, '');
  if (account.provider.name === 'azure') return `/openai${model === '' ? '' : `/deployments/${encodeURIComponent(model)}`}${own}`;
  if (account.provider.name === 'cohere' && operation === 'rerank') return /\/v\d$/.test(account.baseUrl) ? own : `/v2${own}`;
  return own;
}
