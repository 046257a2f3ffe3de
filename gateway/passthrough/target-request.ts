/** What each target of a passed-through call is sent, and what is wrong with an answer that only its own request can tell. */
import { countInputs, embeddingsProblem, type GeminiEmbeddings, toGeminiEmbeddings } from '../callers/embeddings.ts';
import { type JsonObject, parseJson } from '../core/chat/json.ts';
import { altered, type Warning } from '../core/chat/provider.ts';
import type { Failure } from '../core/shared/failure.ts';
import { isRefusal, type Refusal } from '../exchange/response/refusal.ts';
import type { Account } from '../settings/settings.ts';
import type { Endpoint } from './endpoints.ts';
import { pathAt } from './support.ts';

export interface TargetRequest {
  /** Appended to the base URL. */
  readonly path: string;
  /** Made when it is sent: a form may be large, and the targets many. Gives undefined for calls without a body. */
  body(): Buffer | undefined;
  readonly contentType: string | undefined;
  /** The model as the provider is asked for it, '' for none. */
  readonly model: string;
  readonly warnings: readonly Warning[];
  /** Of a whole answer; it is then no answer, and another target may be asked. */
  readonly validateResponse?: (answer: Buffer) => Failure | undefined;
  /** The answer as the caller reads it, where it was translated. */
  readonly translateResponse?: (answer: Buffer) => Buffer;
}

/** What the caller sent. */
export interface CallerRequest {
  readonly endpoint: Endpoint;
  /** As the caller asked for it. */
  readonly path: string;
  readonly value: JsonObject;
  readonly bytes: Buffer | undefined;
  readonly contentType: string | undefined;
  withModel(model: string): Buffer;
  /** The model that was named first: vectors of another one do not compare with its own. */
  readonly firstModel: string;
}

/** A refusal when this target cannot carry the request at all. */
export function buildTargetRequest(
  account: Pick<Account, 'provider' | 'baseUrl'>,
  model: string,
  request: CallerRequest,
): TargetRequest | Refusal {
  const { endpoint, value, bytes, contentType } = request;
  const byModel = endpoint.by === 'model';
  const plain: TargetRequest = {
    path: pathAt(account, endpoint.operation, request.path, byModel ? model : ''),
    body: () => (model === '' || !byModel ? bytes : request.withModel(model)),
    contentType,
    model,
    warnings: [],
  };
  if (endpoint.operation !== 'embeddings') return plain;
  const warnings = sameModel(model, request.firstModel)
    ? []
    : [altered('model', `Vectors of ${model} do not compare with the first target's.`)];
  if (account.provider.wire !== 'gemini-generate') {
    const inputs = countInputs(value.input);
    return {
      ...plain,
      warnings,
      validateResponse: answer => invalidResponse(embeddingsProblem(parseJson(answer.toString()), 'data', inputs)),
    };
  }
  const translated = toGeminiEmbeddings(value, model);
  return isRefusal(translated) ? translated : { ...plain, ...fromTranslation(translated), warnings };
}

const fromTranslation = ({ path, body, translateResponse, validateResponse }: GeminiEmbeddings): Partial<TargetRequest> => ({
  path,
  body: () => body,
  contentType: 'application/json',
  translateResponse,
  validateResponse: answer => invalidResponse(validateResponse(answer)),
});

const invalidResponse = (message: string | undefined): Failure | undefined =>
  message === undefined ? undefined : { kind: 'invalid-response', message, status: 200 };

/** One vendor writes `text-embedding-3-small`, another `openai/text-embedding-3-small`. */
const sameModel = (a: string, b: string): boolean => baseName(a) === baseName(b);
const baseName = (model: string): string => model.slice(model.lastIndexOf('/') + 1).toLowerCase();
