/** The passed-through endpoints: method, path, body, and how the provider is chosen. */
import type { Operation } from '../core/exchange.ts';

export interface Endpoint {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With `{name}` for parameters. The provider's path is the same without `/v1`. */
  readonly path: string;
  /** How the provider is chosen. `model`: by the route or target in the body. `account`: by header, query, or a known id. */
  readonly by: 'model' | 'account';
  readonly body: 'json' | 'form' | 'either' | 'none';
  /** The body may omit `model`: the provider then uses its default. */
  readonly modelOptional?: true;
}

const modelEndpoint = (operation: Operation, path: string, body: Endpoint['body']): Endpoint => ({
  operation,
  method: 'POST',
  path,
  by: 'model',
  body,
});
const accountEndpoint = (operation: Operation, method: Endpoint['method'], path: string, body: Endpoint['body'] = 'none'): Endpoint => ({
  operation,
  method,
  path,
  by: 'account',
  body,
});

export const endpoints: readonly Endpoint[] = [
  modelEndpoint('embeddings', '/v1/embeddings', 'json'),
  { ...modelEndpoint('images', '/v1/images/generations', 'json'), modelOptional: true },
  { ...modelEndpoint('images', '/v1/images/edits', 'either'), modelOptional: true },
  { ...modelEndpoint('images', '/v1/images/variations', 'form'), modelOptional: true },
  modelEndpoint('speech', '/v1/audio/speech', 'json'),
  modelEndpoint('transcription', '/v1/audio/transcriptions', 'form'),
  modelEndpoint('translation', '/v1/audio/translations', 'form'),
  { ...modelEndpoint('moderation', '/v1/moderations', 'json'), modelOptional: true },
  modelEndpoint('rerank', '/v1/rerank', 'json'),
  accountEndpoint('files', 'POST', '/v1/files', 'form'),
  accountEndpoint('files', 'GET', '/v1/files'),
  accountEndpoint('files', 'GET', '/v1/files/{id}'),
  accountEndpoint('files', 'GET', '/v1/files/{id}/content'),
  accountEndpoint('files', 'DELETE', '/v1/files/{id}'),
  accountEndpoint('batches', 'POST', '/v1/batches', 'json'),
  accountEndpoint('batches', 'GET', '/v1/batches'),
  accountEndpoint('batches', 'GET', '/v1/batches/{id}'),
  accountEndpoint('batches', 'POST', '/v1/batches/{id}/cancel'),
  accountEndpoint('responses', 'GET', '/v1/responses/{id}'),
  accountEndpoint('responses', 'DELETE', '/v1/responses/{id}'),
  accountEndpoint('responses', 'GET', '/v1/responses/{id}/input_items'),
  accountEndpoint('responses', 'POST', '/v1/responses/{id}/cancel'),
];
