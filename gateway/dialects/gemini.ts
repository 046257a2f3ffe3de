/** Caller format: Google's Gemini API, generateContent. Model and streaming are given by the path. */
import type { CallerError, CallerFormat } from '../core/chat/caller-format.ts';
import { parseRequest } from './gemini/request.ts';
import { renderResponse } from './gemini/response.ts';
import { arrayFraming, eventFraming, renderStreamAs } from './gemini/stream.ts';
import { errorOf, responseLosses } from './gemini/wire.ts';

const configPath = (member: string): string => `generationConfig.${member}`;

export const geminiGenerate = {
  name: 'gemini-generate',
  wire: 'gemini-generate',
  alwaysUsage: true,
  fieldNames: {
    max_tokens: configPath('maxOutputTokens'),
    stop: configPath('stopSequences'),
    temperature: configPath('temperature'),
    top_p: configPath('topP'),
    top_k: configPath('topK'),
    n: configPath('candidateCount'),
    seed: configPath('seed'),
    presence_penalty: configPath('presencePenalty'),
    frequency_penalty: configPath('frequencyPenalty'),
    logprobs: configPath('responseLogprobs'),
    top_logprobs: configPath('logprobs'),
    response_format: configPath('responseJsonSchema'),
    reasoning_effort: configPath('thinkingConfig'),
    reasoning: configPath('thinkingConfig'),
    tool_choice: 'toolConfig',
    service_tier: 'serviceTier',
  },
  responseLosses,
  parseRequest,
  renderResponse,
  renderStream: renderStreamAs(eventFraming),
  renderFailure: (error: CallerError): string => JSON.stringify(errorOf(error)),
} satisfies CallerFormat;

/** The format of one request. A stream without `alt=sse` is one JSON array. */
export const geminiFor = (model: string, stream: boolean, asEvents: boolean): CallerFormat => ({
  ...geminiGenerate,
  parseRequest: body => parseRequest({ ...body, model, stream }),
  ...(asEvents ? {} : { renderStream: renderStreamAs(arrayFraming), streamType: 'application/json; charset=utf-8', keepAlive: '\n' }),
});
