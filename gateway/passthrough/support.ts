/** Which providers support which endpoints in the caller's format: OpenAI's, and for rerank Cohere's and Jina's. */
import type { Operation } from '../core/exchange.ts';
import type { Account } from '../settings/settings.ts';

const audioOperations: readonly Operation[] = ['speech', 'transcription', 'translation'];
const fileOperations: readonly Operation[] = ['files', 'batches'];

/** By provider name. Source: the vendors' API references, November 2026. Only endpoints of the same format are listed. */
const supportedOperations: Readonly<Record<string, readonly Operation[]>> = {
  openai: ['embeddings', 'images', 'moderation', 'responses', ...audioOperations, ...fileOperations],
  azure: ['embeddings', 'images', ...audioOperations, ...fileOperations],
  groq: [...audioOperations, ...fileOperations],
  'openai-responses': ['embeddings', 'responses'],
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

/** With a custom base URL any server may answer. If it lacks the endpoint, it responds so itself. */
const isCustomEndpoint = ({ provider, baseUrl }: Account): boolean => provider.name === 'openai' && baseUrl !== provider.baseUrl;

/** Whether the account's provider supports the operation; simulated providers support none. */
export function supports(account: Account, operation: Operation): boolean {
  if (account.provider.simulate) return false;
  if (isCustomEndpoint(account)) return true;
  return supportedOperations[account.provider.name]?.includes(operation) ?? false;
}

/** The path after the account's base URL, which includes `/v1`. Exceptions: Azure has a deployment in the path, Cohere `/v2`. */
export function pathAt(account: Pick<Account, 'provider' | 'baseUrl'>, operation: Operation, path: string, model: string): string {
  const own = path.replace(/^\/v1/, '');
  if (account.provider.name === 'azure') return `/openai${model === '' ? '' : `/deployments/${encodeURIComponent(model)}`}${own}`;
  if (account.provider.name === 'cohere' && operation === 'rerank') return /\/v\d$/.test(account.baseUrl) ? own : `/v2${own}`;
  return own;
}
