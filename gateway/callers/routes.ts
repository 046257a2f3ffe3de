/** The route table's entries for callers: a chat endpoint per wire format, token counts and models. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallerFormat } from '../core/chat/caller-format.ts';
import { isObject } from '../core/chat/json.ts';
import type { ExchangeSink } from '../core/exchange.ts';
import type { BudgetScope, Spending } from '../core/money/budget.ts';
import type { Instant } from '../core/shared/time.ts';
import { anthropicMessages } from '../dialects/anthropic.ts';
import { openaiCompletions } from '../dialects/completions.ts';
import { geminiFor } from '../dialects/gemini.ts';
import { openaiChat } from '../dialects/openai.ts';
import { openaiResponses } from '../dialects/responses.ts';
import type { RequestContext } from '../exchange/contract.ts';
import { invalid, isRefusal, type Refusal, sendJson } from '../exchange/response/refusal.ts';
import type { EdgeLimits } from '../http/edge.ts';
import { type ParsedRequest, parse, route } from '../http/parse.ts';
import type { RouteEntry } from '../http/route-table.ts';
import { countTokens, renderTokenCount } from './count.ts';
import { receiveFeedback } from './feedback.ts';
import { describeKey } from './key.ts';
import { listModels } from './models.ts';

/** What the server provides to them. */
export interface CallerHandlers {
  execute(dialect: CallerFormat, request: IncomingMessage, response: ServerResponse): void;
  contextOf(request: IncomingMessage): RequestContext;
  readonly startedAt: Instant;
  readonly limits: EdgeLimits;
  readonly sink: ExchangeSink;
  spendingOf(scope: BudgetScope): Promise<Spending>;
  refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void;
}

/** The entries for every dialect's paths; each hands the request to `handlers`. */
export function callerRoutes(handlers: CallerHandlers): readonly RouteEntry[] {
  const chatRoute = (path: string, dialect: CallerFormat): RouteEntry => ({
    method: 'POST',
    path,
    isDirect: true,
    handler: (request, response) => handlers.execute(dialect, request, response),
  });
  return [
    // Clients whose base URL lacks the version mean the same.
    ...['/v1', ''].flatMap(root => [
      chatRoute(`${root}/chat/completions`, openaiChat),
      chatRoute(`${root}/completions`, openaiCompletions),
      chatRoute(`${root}/responses`, openaiResponses),
      chatRoute(`${root}/messages`, anthropicMessages),
    ]),
    {
      method: 'POST',
      path: '/v1/messages/count_tokens',
      handler: (request, response) => sendTokenCount(handlers, anthropicCountFormat, request, response),
    },
    { method: 'GET', path: '/v1/key', handler: (request, response) => sendKey(handlers, request, response) },
    { method: 'POST', path: '/v1/feedback', handler: (request, response) => keepFeedback(handlers, request, response) },
    ...['/v1', '/v1beta'].flatMap((root): readonly RouteEntry[] => [
      { method: 'GET', path: `${root}/models`, handler: (request, response) => sendModels(handlers, request, response, undefined) },
      { method: 'GET', path: `${root}/models/{id*}`, handler: (request, response, { id }) => sendModels(handlers, request, response, id) },
      {
        method: 'POST',
        path: `${root}/models/{id*}`,
        isDirect: true,
        handler: (request, response, { id }) => handleGemini(handlers, request, response, id ?? ''),
      },
    ]),
  ];
}

/** Counts the tokens of a request of that dialect. */
async function sendTokenCount(
  { contextOf, limits, refuse }: CallerHandlers,
  dialect: CallerFormat,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const context = contextOf(request);
  const parsed = await new Promise<ParsedRequest | Refusal>(resolve => parse(request, dialect, limits, resolve));
  const routed = isRefusal(parsed) ? parsed : await route(parsed, dialect, context);
  if (isRefusal(routed)) return refuse(request, response, routed);
  const { tokens, isEstimated } = await countTokens(routed, context.runtime);
  response.setHeader('x-request-id', context.id);
  if (isEstimated) response.setHeader('x-hindcast-estimate', 'true');
  sendJson(response, 200, renderTokenCount(dialect, tokens));
}

async function sendKey({ contextOf, spendingOf }: CallerHandlers, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const context = contextOf(request);
  response.setHeader('x-request-id', context.id);
  sendJson(response, 200, await describeKey(context, spendingOf));
}

function sendModels(
  { contextOf, startedAt, refuse }: CallerHandlers,
  request: IncomingMessage,
  response: ServerResponse,
  id: string | undefined,
): void {
  const context = contextOf(request);
  response.setHeader('x-request-id', context.id);
  const listed = listModels(request, context, Math.floor(startedAt / 1000), id);
  if (isRefusal(listed)) refuse(request, response, listed);
  else sendJson(response, 200, listed);
}

async function keepFeedback(
  { contextOf, limits, sink, refuse }: CallerHandlers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const result = await receiveFeedback(request, contextOf(request).key, limits, sink);
  if (isRefusal(result)) refuse(request, response, result);
  else sendJson(response, 202, result);
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
      return sendTokenCount(handlers, geminiCountFormat(model), request, response);
    default:
      handlers.refuse(
        request,
        response,
        invalid('not_found', 'A model supports generateContent, streamGenerateContent and countTokens.', null, 404),
      );
  }
}
