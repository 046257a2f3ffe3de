/** The route table's part in which callers ask: a path for each wire format, and what is counted and listed beside it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dialect } from '../core/dialect.ts';
import { isObject } from '../core/json.ts';
import { anthropicMessages } from '../dialects/anthropic.ts';
import { openaiCompletions } from '../dialects/completions.ts';
import { geminiFor } from '../dialects/gemini.ts';
import { openaiChat } from '../dialects/openai.ts';
import { openaiResponses } from '../dialects/responses.ts';
import { invalid, type Refusal } from '../exchange/refusal.ts';
import type { RouteEntry } from '../http/route-table.ts';

/** What the server lends to them. */
export interface Lent {
  ask(dialect: Dialect, request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Tells how many tokens a request of that dialect has, asking nobody. */
  count(dialect: Dialect, request: IncomingMessage, response: ServerResponse): Promise<void>;
  models(request: IncomingMessage, response: ServerResponse, id: string | undefined): void;
  refused(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void;
}

export function callerRoutes(lent: Lent): readonly RouteEntry[] {
  const asks = (path: string, dialect: Dialect): RouteEntry => ({
    method: 'POST',
    path,
    handler: (request, response) => lent.ask(dialect, request, response),
  });
  return [
    asks('/v1/chat/completions', openaiChat),
    asks('/v1/completions', openaiCompletions),
    asks('/v1/responses', openaiResponses),
    asks('/v1/messages', anthropicMessages),
    {
      method: 'POST',
      path: '/v1/messages/count_tokens',
      handler: (request, response) => lent.count(anthropicCount, request, response),
    },
    ...['/v1', '/v1beta'].flatMap((root): readonly RouteEntry[] => [
      { method: 'GET', path: `${root}/models`, handler: (request, response) => lent.models(request, response, undefined) },
      { method: 'GET', path: `${root}/models/{id*}`, handler: (request, response, { id }) => lent.models(request, response, id) },
      {
        method: 'POST',
        path: `${root}/models/{id*}`,
        handler: (request, response, { id }) => askGemini(lent, request, response, id ?? ''),
      },
    ]),
  ];
}

/** What is only counted has no limit. */
const anthropicCount: Dialect = { ...anthropicMessages, parseRequest: body => anthropicMessages.parseRequest({ max_tokens: 1, ...body }) };

/** Contents may stand within the request that they are meant for. */
function geminiCount(model: string): Dialect {
  const dialect = geminiFor(model, false, true);
  return {
    ...dialect,
    parseRequest: body => dialect.parseRequest(isObject(body.generateContentRequest) ? body.generateContentRequest : body),
  };
}

/** Google's paths end in what shall be done with the model. */
async function askGemini(lent: Lent, request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
  const colon = id.lastIndexOf(':');
  const model = id.slice(0, Math.max(0, colon));
  const asEvents = new URLSearchParams(request.url?.split('?')[1] ?? '').get('alt') === 'sse';
  switch (colon < 0 ? '' : id.slice(colon + 1)) {
    case 'generateContent':
      return lent.ask(geminiFor(model, false, true), request, response);
    case 'streamGenerateContent':
      return lent.ask(geminiFor(model, true, asEvents), request, response);
    case 'countTokens':
      return lent.count(geminiCount(model), request, response);
    default:
      lent.refused(
        request,
        response,
        invalid('not_found', 'A model takes generateContent, streamGenerateContent or countTokens here.', null, 404),
      );
  }
}
