/** A provider without a network: it speaks OpenAI's wire format, answers the same request always the same, and fails when told to. */
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

/** Whatever its name, a simulated model takes what most models take: nothing is left out as for one of OpenAI's of that name. */
function renderRequest(request: ChatRequest, model: string): RenderedRequest {
  if (!traitsOf(model).isOpenAi) return openai.renderRequest(request, model);
  const rendered = openai.renderRequest(request, 'simulated');
  return { ...rendered, body: JSON.stringify({ ...(JSON.parse(rendered.body) as JsonObject), model }) };
}
