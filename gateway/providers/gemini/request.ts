/** Renders a ChatRequest as the body of models/{model}:generateContent. */
import type { ChatRequest, Tool } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import { altered, dropped, type RenderedRequest, type Warning, withDescription } from '../../core/chat/provider.ts';
import { renderContents } from './contents.ts';
import { type ModelTraits, traitsOf } from './model.ts';
import { renderThinking } from './thinking.ts';

const stopSequencesMax = 5;
const choicesMax = 8;

export function renderRequest(request: ChatRequest, model: string): RenderedRequest {
  const warnings: Warning[] = [];
  const traits = traitsOf(model);
  const { system, contents } = renderContents(request.messages, traits.isGemini3, warnings);
  const { format, instruction } = renderOutput(request, traits, warnings);
  const prompt = instruction === undefined ? system : [...system, { text: instruction }];
  const thinking = renderThinking(request, traits, warnings);
  const config = { ...renderSampling(request, warnings), ...format, ...(thinking ? { thinkingConfig: thinking } : {}) };
  const body = {
    ...(prompt.length > 0 ? { systemInstruction: { parts: prompt } } : {}),
    contents,
    ...renderTools(request),
    ...(Object.keys(config).length > 0 ? { generationConfig: config } : {}),
    ...renderServiceTier(request, warnings),
  };
  warnings.push(...unsupportedWarnings(request));
  return { path: pathOf(model, request.stream), body: JSON.stringify(body), warnings };
}

/** A bare name is a Google model; tuned models are `tunedModels/…`. */
function pathOf(model: string, stream: boolean): string {
  const name = (model.includes('/') ? model : `models/${model}`).toWellFormed();
  const method = stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
  return `/v1beta/${name.split('/').map(encodeURIComponent).join('/')}:${method}`;
}

function renderSampling(request: ChatRequest, warnings: Warning[]): JsonObject {
  const stop = request.stop.slice(0, stopSequencesMax);
  if (request.stop.length > stopSequencesMax)
    warnings.push(dropped('stop', `Gemini takes ${stopSequencesMax} stop sequences; the rest were left out.`));
  const logprobs = request.logprobs && { responseLogprobs: true, ...(request.logprobs.top > 0 ? { logprobs: request.logprobs.top } : {}) };
  const members: Readonly<Record<string, Json | undefined>> = {
    stopSequences: stop.length > 0 ? stop : undefined,
    maxOutputTokens: request.maxOutputTokens,
    temperature: request.temperature,
    topP: request.topP,
    topK: request.topK,
    frequencyPenalty: request.frequencyPenalty,
    presencePenalty: request.presencePenalty,
    seed: request.seed,
    candidateCount: choicesOf(request, warnings),
  };
  const definedEntries = Object.entries(members).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return { ...Object.fromEntries(definedEntries), ...logprobs };
}

function choicesOf({ choices }: ChatRequest, warnings: Warning[]): number | undefined {
  if (choices === undefined || choices <= choicesMax) return choices;
  warnings.push(altered('n', `Gemini gives at most ${choicesMax} answers.`));
  return choicesMax;
}

interface Output {
  readonly format?: JsonObject;
  /** Appended to the system instruction where the format cannot be enforced. */
  readonly instruction?: string;
}

const jsonOnlyInstruction = 'Unless you call a tool, answer with one JSON object and nothing else: no prose around it, no code fence.';

function renderOutput({ output, tools }: ChatRequest, traits: ModelTraits, warnings: Warning[]): Output {
  if (output === undefined || output.type === 'text') return {};
  if (tools.length > 0 && !traits.isGemini3) {
    warnings.push(altered('response_format', 'This model enforces no format beside tools; the system instruction asks for it.'));
    const schema =
      output.type === 'json'
        ? ''
        : ` It must match this JSON Schema, ${output.name}:\n${JSON.stringify(withDescription(output.schema, output.description))}`;
    return { instruction: jsonOnlyInstruction + schema };
  }
  const schema = output.type === 'json' ? {} : { responseJsonSchema: withDescription(output.schema, output.description) };
  return { format: { responseMimeType: 'application/json', ...schema } };
}

function renderTools(request: ChatRequest): JsonObject {
  if (request.tools.length === 0) return {};
  const choice = renderToolChoice(request);
  return {
    tools: [{ functionDeclarations: request.tools.map(renderTool) }],
    ...(choice ? { toolConfig: { functionCallingConfig: choice } } : {}),
  };
}

const renderTool = (tool: Tool): JsonObject => ({
  name: tool.name,
  ...(tool.description === undefined ? {} : { description: tool.description }),
  ...(tool.parameters === undefined ? {} : { parametersJsonSchema: tool.parameters }),
});

/** ANY enforces the schema of forced calls. VALIDATED does so for optional calls, which strict tools require. */
function renderToolChoice({ toolChoice, tools }: ChatRequest): JsonObject | undefined {
  switch (toolChoice?.type) {
    case 'none':
      return { mode: 'NONE' };
    case 'required':
      return { mode: 'ANY' };
    case 'tool':
      return { mode: 'ANY', allowedFunctionNames: [toolChoice.name] };
    default:
      return tools.some(tool => tool.strict) ? { mode: 'VALIDATED' } : undefined;
  }
}

function renderServiceTier({ serviceTier }: ChatRequest, warnings: Warning[]): JsonObject {
  switch (serviceTier) {
    case undefined:
    case 'auto':
    case 'default':
      return {};
    case 'flex':
    case 'priority':
    case 'standard':
      return { serviceTier };
    default:
      warnings.push(dropped('service_tier', 'Gemini has no such tier.'));
      return {};
  }
}

/** Warnings for fields that this wire format does not support. */
function unsupportedWarnings(request: ChatRequest): Warning[] {
  const warnings: Warning[] = [];
  if (request.parallelToolCalls === false && request.tools.length > 0) {
    warnings.push(dropped('parallel_tool_calls', 'Gemini may always call several tools at once.'));
  }
  if (request.user !== undefined) warnings.push(dropped('user', 'Gemini takes no end user.'));
  if (request.metadata !== undefined) warnings.push(dropped('metadata', 'Gemini takes no metadata.'));
  return [...warnings, ...Object.keys(request.extra).map(field => dropped(field, 'Belongs to another wire format.'))];
}
