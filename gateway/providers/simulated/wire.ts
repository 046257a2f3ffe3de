/** Renders the simulation's responses in OpenAI's wire format: one JSON body, or chunks of a stream. */
import type { TokenLogprob } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import type { GeneratedChoice, TokenPiece } from './limits.ts';
import { identifier } from './values/words.ts';

/** Members that every body and chunk of one response share. */
export interface ResponseEnvelope {
  readonly id: string;
  readonly model: string;
  readonly fingerprint: string;
}

/** The simulation has no clock, so every response has the same creation time. */
const created = Date.UTC(2025, 0, 1) / 1_000;
const idLength = 29;
const fingerprintLength = 10;

/** Id, model and fingerprint of a response, derived from the seed. */
export const envelopeOf = (seed: string, model: string): ResponseEnvelope => ({
  id: `chatcmpl-${identifier(seed, 'id', idLength)}`,
  model,
  fingerprint: `fp_${identifier(model, 'fingerprint', fingerprintLength).toLowerCase()}`,
});

/** A non-streaming chat completion as JSON text. */
export function renderBody(envelope: ResponseEnvelope, answers: readonly GeneratedChoice[], inputTokens: number): string {
  return JSON.stringify({
    id: envelope.id,
    object: 'chat.completion',
    created,
    model: envelope.model,
    choices: answers.map(renderChoice),
    usage: renderUsage(answers, inputTokens),
    service_tier: 'default',
    system_fingerprint: envelope.fingerprint,
  });
}

function renderChoice({ pieces, finish }: GeneratedChoice, index: number): JsonObject {
  const text = pieces.map(piece => (piece.type === 'text' ? piece.text : '')).join('');
  const calls = callsOf(pieces);
  return {
    index,
    message: {
      role: 'assistant',
      content: calls.length > 0 ? null : text,
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
      refusal: null,
      annotations: [],
    },
    logprobs: renderLogprobs(pieces),
    finish_reason: finish,
  };
}

function callsOf(pieces: readonly TokenPiece[]): readonly JsonObject[] {
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const piece of pieces) {
    if (piece.type === 'call') calls.push({ id: piece.id, name: piece.name, arguments: '' });
    else if (piece.type === 'arguments') calls.at(-1)!.arguments += piece.text;
  }
  return calls.map(({ id, ...called }) => ({ id, type: 'function', function: called }));
}

function renderLogprobs(pieces: readonly TokenPiece[]): Json {
  const known = pieces.flatMap(piece => (piece.type !== 'call' && piece.logprob ? [piece.logprob] : []));
  if (known.length === 0) return null;
  return { content: known.map(token => ({ ...renderToken(token), top_logprobs: token.top.map(renderToken) })), refusal: null };
}

const encoder = new TextEncoder();
const renderToken = ({ token, logprob }: Pick<TokenLogprob, 'token' | 'logprob'>): JsonObject => ({
  token,
  logprob,
  bytes: [...encoder.encode(token)],
});

function renderUsage(answers: readonly GeneratedChoice[], inputTokens: number): JsonObject {
  const output = answers.reduce((sum, { pieces }) => sum + pieces.length, 0);
  return {
    prompt_tokens: inputTokens,
    completion_tokens: output,
    total_tokens: inputTokens + output,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}

export interface Chunks {
  /** The role, before any content. */
  readonly opening: string;
  /** The chunks of each token, over all choices. */
  readonly tokens: readonly string[];
  /** The finish reasons, the usage when requested, and the end marker. */
  readonly closing: string;
}

/** The chunks of a streaming chat completion, with their times. */
export function renderChunks(
  envelope: ResponseEnvelope,
  answers: readonly GeneratedChoice[],
  inputTokens: number,
  includeUsage: boolean,
): Chunks {
  const { id, model, fingerprint } = envelope;
  const head = JSON.stringify({
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    service_tier: 'default',
    system_fingerprint: fingerprint,
  });
  const event = (choices: readonly Json[], usage?: Json): string =>
    `data: ${head.slice(0, -1)},"choices":${JSON.stringify(choices)}${includeUsage ? `,"usage":${JSON.stringify(usage ?? null)}` : ''}}\n\n`;
  const chunk = (index: number, delta: JsonObject, logprobs: Json, finish: string | null): string =>
    event([{ index, delta, logprobs, finish_reason: finish }]);
  const opening = ({ pieces }: GeneratedChoice, index: number): string =>
    chunk(index, { role: 'assistant', content: pieces[0]?.type === 'call' ? null : '', refusal: null }, null, null);
  const deltas = answers.map(({ pieces }) => deltasOf(pieces));
  const longest = Math.max(...answers.map(({ pieces }) => pieces.length));
  const token = (at: number): string =>
    answers
      .map(({ pieces }, index) => (at < pieces.length ? chunk(index, deltas[index]![at]!, renderLogprobs([pieces[at]!]), null) : ''))
      .join('');
  return {
    opening: answers.map(opening).join(''),
    tokens: Array.from({ length: longest }, (_, at) => token(at)),
    closing: [
      ...answers.map(({ finish }, index) => chunk(index, {}, null, finish)),
      includeUsage ? event([], renderUsage(answers, inputTokens)) : '',
      'data: [DONE]\n\n',
    ].join(''),
  };
}

/** A call sends its id and name once, and its index with every delta of its arguments. */
function deltasOf(pieces: readonly TokenPiece[]): readonly JsonObject[] {
  let call = -1;
  return pieces.map((piece): JsonObject => {
    if (piece.type === 'call') {
      call++;
      return { tool_calls: [{ index: call, id: piece.id, type: 'function', function: { name: piece.name, arguments: '' } }] };
    }
    if (piece.type === 'text') return { content: piece.text };
    return { tool_calls: [{ index: call, function: { arguments: piece.text } }] };
  });
}
