/** What each target of a passed-through call is sent, and what is wrong with an answer that only its own request can tell. */
import { type GeminiEmbeddings, geminiEmbeddings, inputsIn, wrongVectors } from '../callers/embeddings.ts';
import type { Failure } from '../core/failure.ts';
import { type JsonObject, parseJson } from '../core/json.ts';
import { altered, type Warning } from '../core/provider.ts';
import { isRefusal, type Refusal } from '../exchange/refusal.ts';
import type { Account } from '../settings/settings.ts';
import type { Endpoint } from './endpoints.ts';
import { pathAt } from './support.ts';

export interface Sending {
  /** Appended to the base URL. */
  readonly path: string;
  /** Made when it is sent: a form may be large, and the targets many. Gives undefined for calls without a body. */
  body(): Buffer | undefined;
  readonly contentType: string | undefined;
  /** The model as the provider is asked for it, '' for none. */
  readonly model: string;
  readonly warnings: readonly Warning[];
  /** Of a whole answer; it is then no answer, and another target may be asked. */
  readonly wrong?: (answer: Buffer) => Failure | undefined;
  /** The answer as the caller reads it, where it was translated. */
  readonly told?: (answer: Buffer) => Buffer;
}

/** What the caller sent. */
export interface Asking {
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
export function sendingTo(account: Pick<Account, 'provider' | 'baseUrl'>, model: string, asking: Asking): Sending | Refusal {
  const { endpoint, value, bytes, contentType } = asking;
  const byModel = endpoint.by === 'model';
  const plain: Sending = {
    path: pathAt(account, endpoint.operation, asking.path, byModel ? model : ''),
    body: () => (model === '' || !byModel ? bytes : asking.withModel(model)),
    contentType,
    model,
    warnings: [],
  };
  if (endpoint.operation !== 'embeddings') return plain;
  const warnings = sameModel(model, asking.firstModel)
    ? []
    : [altered('model', `Vectors of ${model} do not compare with the first target's.`)];
  if (account.provider.wire !== 'gemini-generate') {
    const inputs = inputsIn(value.input);
    return { ...plain, warnings, wrong: answer => invalidWhen(wrongVectors(parseJson(answer.toString()), 'data', inputs)) };
  }
  const translated = geminiEmbeddings(value, model);
  return isRefusal(translated) ? translated : { ...plain, ...translatedBy(translated), warnings };
}

const translatedBy = ({ path, body, told, wrong }: GeminiEmbeddings): Partial<Sending> => ({
  path,
  body: () => body,
  contentType: 'application/json',
  told,
  wrong: answer => invalidWhen(wrong(answer)),
});

const invalidWhen = (message: string | undefined): Failure | undefined =>
  message === undefined ? undefined : { kind: 'invalid-response', message, status: 200 };

/** One vendor writes `text-embedding-3-small`, another `openai/text-embedding-3-small`. */
const sameModel = (a: string, b: string): boolean => bare(a) === bare(b);
const bare = (model: string): string => model.slice(model.lastIndexOf('/') + 1).toLowerCase();
