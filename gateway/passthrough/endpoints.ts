/** The endpoints that pass through to a provider which has them: what each is, and how its provider is chosen. */
import type { Operation } from '../core/exchange.ts';

export interface Endpoint {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As hapi writes it; the provider's path is the same without `/v1`. */
  readonly path: string;
  /** `model`: by the route or target that the body names. `account`: by header, query, or an id that is known. */
  readonly by: 'model' | 'account';
  readonly body: 'json' | 'form' | 'either' | 'none';
  /** The body may leave its model out: the provider has one for that. */
  readonly modelOptional?: true;
}

const post = (operation: Operation, path: string, body: Endpoint['body']): Endpoint => ({
  operation,
  method: 'POST',
  path,
  by: 'model',
  body,
});
const held = (operation: Operation, method: Endpoint['method'], path: string, body: Endpoint['body'] = 'none'): Endpoint => ({
  operation,
  method,
  path,
  by: 'account',
  body,
});

export const endpoints: readonly Endpoint[] = [
  post('embeddings', '/v1/embeddings', 'json'),
  { ...post('images', '/v1/images/generations', 'json'), modelOptional: true },
  { ...post('images', '/v1/images/edits', 'either'), modelOptional: true },
  { ...post('images', '/v1/images/variations', 'form'), modelOptional: true },
  post('speech', '/v1/audio/speech', 'json'),
  post('transcription', '/v1/audio/transcriptions', 'form'),
  post('translation', '/v1/audio/translations', 'form'),
  { ...post('moderation', '/v1/moderations', 'json'), modelOptional: true },
  post('rerank', '/v1/rerank', 'json'),
  held('files', 'POST', '/v1/files', 'form'),
  held('files', 'GET', '/v1/files'),
  held('files', 'GET', '/v1/files/{id}'),
  held('files', 'GET', '/v1/files/{id}/content'),
  held('files', 'DELETE', '/v1/files/{id}'),
  held('batches', 'POST', '/v1/batches', 'json'),
  held('batches', 'GET', '/v1/batches'),
  held('batches', 'GET', '/v1/batches/{id}'),
  held('batches', 'POST', '/v1/batches/{id}/cancel'),
];
