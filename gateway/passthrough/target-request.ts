/** What each target of a passed-through request is sent, and how its response is checked and translated. */
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
  /** The body, built when it is sent because a form may be large; undefined for requests without a body. */
  body(): Buffer | undefined;
  readonly contentType: string | undefined;
  /** The provider's name for the model, '' for none. */
  readonly model: string;
  readonly warnings: readonly Warning[];
  /** A failure when the response's body is invalid; the router may then try another target. */
  readonly validateResponse?: (body: Buffer) => Failure | undefined;
  /** The body in the caller's format; absent when the provider's format is the caller's. */
  readonly translateResponse?: (body: Buffer) => Buffer;
}

/** What the caller sent. */
export interface CallerRequest {
  readonly endpoint: Endpoint;
  /** The caller's path and query. */
  readonly path: string;
  readonly value: JsonObject;
  readonly bytes: Buffer | undefined;
  readonly contentType: string | undefined;
  withModel(model: string): Buffer;
  /** The first target's model: vectors of another model are not comparable with its vectors. */
  readonly firstModel: string;
}

/** The request for one target; an error response when the target cannot carry it. */
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
    : [altered('model', `Vectors of ${model} are not comparable with the first target's.`)];
  if (account.provider.wire !== 'gemini-generate') {
    const inputs = countInputs(value.input);
    return {
      ...plain,
      warnings,
      validateResponse: response => invalidResponse(embeddingsProblem(parseJson(response.toString()), 'data', inputs)),
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
  validateResponse: response => invalidResponse(validateResponse(response)),
});

const invalidResponse = (message: string | undefined): Failure | undefined =>
  message === undefined ? undefined : { kind: 'invalid-response', message, status: 200 };

/** Vendors write the same model as `text-embedding-3-small` or `openai/text-embedding-3-small`. */
const sameModel = (a: string, b: string): boolean => baseName(a) === baseName(b);
const baseName = (model: string): string => model.slice(model.lastIndexOf('/') + 1).toLowerCase();
