/** A provider without a network. It uses OpenAI's wire format, is deterministic for a request, and fails on demand. */
import type { ChatRequest } from '../core/chat/chat.ts';
import type { JsonObject } from '../core/chat/json.ts';
import type { Provider, RenderedRequest } from '../core/chat/provider.ts';
import { traitsOf } from './openai/model.ts';
import { openai } from './openai.ts';
import { simulate } from './simulated/simulate.ts';

export const simulated = {
  name: 'simulated',
  wire: openai.wire,
  baseUrl: '',
  auth: 'none',
  framing: 'sse',
  environment: [],
  headers: {},
  priceBook: 'simulated',
  renderRequest,
  parseResponse: openai.parseResponse,
  parseStream: openai.parseStream,
  parseFailure: openai.parseFailure,
  simulate: (request, model) => simulate(request.body, model),
} satisfies Provider;

/** A simulated model accepts what most models accept, whatever its name; no parameter is left out. */
function renderRequest(request: ChatRequest, model: string): RenderedRequest {
  if (!traitsOf(model).isOpenAi) return openai.renderRequest(request, model);
  const rendered = openai.renderRequest(request, 'simulated');
  return { ...rendered, body: JSON.stringify({ ...(JSON.parse(rendered.body) as JsonObject), model }) };
}
