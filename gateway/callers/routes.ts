/** The route table's entries for callers: a chat endpoint per wire format, token counts and models. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallerFormat } from '../core/chat/caller-format.ts';
import { isObject } from '../core/chat/json.ts';
import { anthropicMessages } from '../dialects/anthropic.ts';
import { openaiCompletions } from '../dialects/completions.ts';
import { geminiFor } from '../dialects/gemini.ts';
import { openaiChat } from '../dialects/openai.ts';
import { openaiResponses } from '../dialects/responses.ts';
import { invalid, type Refusal } from '../exchange/response/refusal.ts';
import type { RouteEntry } from '../http/route-table.ts';

/** What the server provides to them. */
export interface CallerHandlers {
  execute(dialect: CallerFormat, request: IncomingMessage, response: ServerResponse): void;
  /** Responds with the number of tokens in the request, without calling a provider. */
  countTokens(dialect: CallerFormat, request: IncomingMessage, response: ServerResponse): Promise<void>;
  models(request: IncomingMessage, response: ServerResponse, id: string | undefined): void;
  refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void;
}

export function callerRoutes(handlers: CallerHandlers): readonly RouteEntry[] {
  const chatRoute = (path: string, dialect: CallerFormat): RouteEntry => ({
    method: 'POST',
    path,
    isDirect: true,
    handler: (request, response) => handlers.execute(dialect, request, response),
  });
  return [
    chatRoute('/v1/chat/completions', openaiChat),
    chatRoute('/v1/completions', openaiCompletions),
    chatRoute('/v1/responses', openaiResponses),
    chatRoute('/v1/messages', anthropicMessages),
    {
      method: 'POST',
      path: '/v1/messages/count_tokens',
      handler: (request, response) => handlers.countTokens(anthropicCountFormat, request, response),
    },
    ...['/v1', '/v1beta'].flatMap((root): readonly RouteEntry[] => [
      { method: 'GET', path: `${root}/models`, handler: (request, response) => handlers.models(request, response, undefined) },
      { method: 'GET', path: `${root}/models/{id*}`, handler: (request, response, { id }) => handlers.models(request, response, id) },
      {
        method: 'POST',
        path: `${root}/models/{id*}`,
        isDirect: true,
        handler: (request, response, { id }) => handleGemini(handlers, request, response, id ?? ''),
      },
    ]),
  ];
}

/** A request that is only counted needs no `max_tokens`. */
const anthropicCountFormat: CallerFormat = {
  ...anthropicMessages,
  parseRequest: body => anthropicMessages.parseRequest({ max_tokens: 1, ...body }),
};

/** Gemini's countTokens also accepts the contents inside `generateContentRequest`. */
function geminiCountFormat(model: string): CallerFormat {
  const dialect = geminiFor(model, false, true);
  return {
    ...dialect,
    parseRequest: body => dialect.parseRequest(isObject(body.generateContentRequest) ? body.generateContentRequest : body),
  };
}

/** Google's paths end in the action: `models/NAME:generateContent`. */
function handleGemini(handlers: CallerHandlers, request: IncomingMessage, response: ServerResponse, id: string): Promise<void> | void {
  const colon = id.lastIndexOf(':');
  const model = id.slice(0, Math.max(0, colon));
  const asEvents = new URLSearchParams(request.url?.split('?')[1] ?? '').get('alt') === 'sse';
  switch (colon < 0 ? '' : id.slice(colon + 1)) {
    case 'generateContent':
      return handlers.execute(geminiFor(model, false, true), request, response);
    case 'streamGenerateContent':
      return handlers.execute(geminiFor(model, true, asEvents), request, response);
    case 'countTokens':
      return handlers.countTokens(geminiCountFormat(model), request, response);
    default:
      handlers.refuse(
        request,
        response,
        invalid('not_found', 'A model supports generateContent, streamGenerateContent and countTokens.', null, 404),
      );
  }
}
