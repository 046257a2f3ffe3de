/** Google's Gemini API, generateContent, as callers speak it: the model and whether to stream are in its path. */
import type { CallerError, Dialect } from '../core/dialect.ts';
import { parseRequest } from './gemini/request.ts';
import { renderResponse } from './gemini/response.ts';
import { arrayFraming, eventFraming, renderStreamAs } from './gemini/stream.ts';
import { answerLosses, errorOf } from './gemini/wire.ts';

const config = (member: string): string => `generationConfig.${member}`;

export const geminiGenerate = {
  name: 'gemini-generate',
  wire: 'gemini-generate',
  alwaysUsage: true,
  fieldNames: {
    max_tokens: config('maxOutputTokens'),
    stop: config('stopSequences'),
    temperature: config('temperature'),
    top_p: config('topP'),
    top_k: config('topK'),
    n: config('candidateCount'),
    seed: config('seed'),
    presence_penalty: config('presencePenalty'),
    frequency_penalty: config('frequencyPenalty'),
    logprobs: config('responseLogprobs'),
    top_logprobs: config('logprobs'),
    response_format: config('responseJsonSchema'),
    reasoning_effort: config('thinkingConfig'),
    reasoning: config('thinkingConfig'),
    tool_choice: 'toolConfig',
    service_tier: 'serviceTier',
  },
  loses: answerLosses,
  parseRequest,
  renderResponse,
  renderStream: renderStreamAs(eventFraming),
  renderFailure: (error: CallerError): string => JSON.stringify(errorOf(error)),
} satisfies Dialect;

/** One request of it. Streams that are not asked for as events are one array. */
export const geminiFor = (model: string, stream: boolean, asEvents: boolean): Dialect => ({
  ...geminiGenerate,
  parseRequest: body => parseRequest({ ...body, model, stream }),
  ...(asEvents ? {} : { renderStream: renderStreamAs(arrayFraming), streamType: 'application/json; charset=utf-8', keepAlive: '\n' }),
});
