/** Simulates a request: parses it, generates choices, and lays out the response's bytes and times, or a requested failure. */

import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import type { SimulatedResponse } from '../../core/chat/provider.ts';
import { generateChoice, type SimulatedModel } from './choice.ts';
import { type Directives, parseDirectives } from './directives.ts';
import { failedResponse, refusedResponse, renderError } from './error-response.ts';
import type { GeneratedChoice } from './limits.ts';
import { modelProfileOf } from './model-profile.ts';
import { isRefusal, parseSimulatedRequest, type SimulatedRequest } from './request.ts';
import { tokenTimes } from './token-times.ts';
import { identifier } from './values/words.ts';
import { envelopeOf, type ResponseEnvelope, renderBody, renderChunks } from './wire.ts';

/** Over all choices of one response. */
const tokensMax = 100_000;
/** Failures come sooner than responses: at this share of the time to first token. */
const failureShare = 0.2;

export function simulate(body: string, model: string): SimulatedResponse {
  const instructed = parseDirectives(model);
  if ('problem' in instructed) return refusedResponse({ message: instructed.problem, param: 'model' });
  const request = parseSimulatedRequest(body);
  if (isRefusal(request)) return refusedResponse(request);
  const { name } = instructed;
  const directives = applyFlakiness(instructed.directives, `${request.seed} ${name}`);
  return simulateRequest(request, { name, traits: modelProfileOf(name), directives });
}

/** Removes the failure directives when the seeded draw spares the request. A retry of the same request gives the same result. */
function applyFlakiness(directives: Directives, seed: string): Directives {
  const { flaky, status, retry_after, refuse, error_in_200, cut, stall, ...rest } = directives;
  if (flaky !== undefined && seededUniform(seed, 'flaky') >= flaky) return rest;
  const none = [status, retry_after, refuse, error_in_200, cut, stall].every(failure => failure === undefined);
  if (flaky !== undefined && none) return { ...rest, status: 503 };
  return retry_after !== undefined && status === undefined ? { ...directives, status: 429 } : directives;
}

function simulateRequest(request: SimulatedRequest, simulatedModel: SimulatedModel): SimulatedResponse {
  const { name, traits, directives } = simulatedModel;
  const seed = `${request.seed} ${name}`;
  const headers = { 'x-request-id': `req_${identifier(seed, 'request', 32).toLowerCase()}` };
  const times = (tokens: number): readonly number[] => tokenTimes(traits, directives, request.inputTokens, tokens, seed);
  if (directives.refuse) return { status: 'refused', headers: {}, frames: [], ending: 'end' };
  if (directives.status !== undefined) {
    const wait = directives.retry_after === undefined ? {} : { 'retry-after': String(directives.retry_after) };
    return failedResponse(directives.status, Math.round(failureShare * times(1)[0]!), { ...headers, ...wait });
  }
  const answers: GeneratedChoice[] = [];
  for (let i = 0; i < request.choices; i++) {
    const choice = generateChoice(request, simulatedModel, i);
    if (!choice) return refusedResponse({ message: 'No value was found that conforms to the schema.', param: 'response_format' });
    answers.push(choice);
    if (answers.reduce((sum, { pieces }) => sum + pieces.length, 0) > tokensMax) {
      return refusedResponse({ message: `All choices together may have ${tokensMax} tokens.`, param: 'n' });
    }
  }
  const script: ResponseScript = { request, answers, envelope: envelopeOf(seed, name), directives, times, headers };
  return request.stream ? streamingResponse(script) : nonStreamingResponse(script);
}

interface ResponseScript {
  readonly request: SimulatedRequest;
  readonly answers: readonly GeneratedChoice[];
  readonly envelope: ResponseEnvelope;
  readonly directives: Directives;
  readonly times: (tokens: number) => readonly number[];
  readonly headers: Readonly<Record<string, string>>;
}

/** The body is sent when its last token is due. */
function nonStreamingResponse({ request, answers, envelope, directives, times, headers: given }: ResponseScript): SimulatedResponse {
  const { stall, cut, error_in_200 } = directives;
  const headers = { 'content-type': 'application/json', ...given };
  const longest = Math.max(1, ...answers.map(({ pieces }) => pieces.length));
  const at = times(longest);
  if (error_in_200 !== undefined) {
    const afterMs = at[Math.min(error_in_200, longest - 1)]!;
    return { status: 200, headers, frames: [{ afterMs, data: renderError(500) }], ending: 'end' };
  }
  if (stall !== undefined) return { status: 200, headers, frames: [], ending: 'stall' };
  const body = renderBody(envelope, answers, request.inputTokens);
  if (cut === undefined) return { status: 200, headers, frames: [{ afterMs: at.at(-1)!, data: body }], ending: 'end' };
  const data = body.slice(0, Math.floor(body.length / 2));
  return { status: 200, headers, frames: [{ afterMs: at[Math.min(cut, longest - 1)]!, data }], ending: 'reset' };
}

function streamingResponse({ request, answers, envelope, directives, times, headers: given }: ResponseScript): SimulatedResponse {
  const { stall, cut, error_in_200 } = directives;
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', ...given };
  const chunks = renderChunks(envelope, answers, request.inputTokens, request.includeUsage);
  const failureAt = error_in_200 ?? cut ?? stall;
  const tokens = chunks.tokens.slice(0, failureAt);
  const at = times(tokens.length + 1);
  const events = [
    { atMs: at[0]!, data: chunks.opening },
    ...tokens.map((data, i) => ({ atMs: at[i]!, data })),
    ...(error_in_200 === undefined ? [] : [{ atMs: at.at(-1)!, data: `data: ${renderError(500)}\n\n` }]),
    ...(failureAt === undefined ? [{ atMs: at[Math.max(0, tokens.length - 1)]!, data: chunks.closing }] : []),
  ];
  const ending = error_in_200 === undefined && cut === undefined && stall !== undefined ? 'stall' : 'end';
  return { status: 200, headers, frames: framesOf(events), ending };
}

/** Data due within the same millisecond shares a frame. */
function framesOf(events: readonly { readonly atMs: number; readonly data: string }[]): SimulatedResponse['frames'] {
  const frames: { afterMs: number; data: string }[] = [];
  let lastMs = 0;
  for (const { atMs, data } of events) {
    const frame = frames.at(-1);
    if (frame && atMs === lastMs) frame.data += data;
    else frames.push({ afterMs: atMs - lastMs, data });
    lastMs = atMs;
  }
  return frames;
}
