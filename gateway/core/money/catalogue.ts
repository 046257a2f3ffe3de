/** Facts about a model besides its price, and the requirements of a request. */
import type { ChatRequest, Part } from '../chat/chat.ts';
import { estimatePromptTokens } from './token-estimate.ts';

/** A member is absent where it is unknown. */
export interface ModelFacts {
  /** Tokens of request and response together. */
  readonly contextWindow?: number;
  readonly tools?: boolean;
  readonly vision?: boolean;
  readonly jsonSchema?: boolean;
  /** The operator's name of its location. */
  readonly region?: string;
}

/** What a request needs of a model. Tokens are estimates. */
export interface RequestRequirements {
  readonly inputTokens: number;
  /** The maximum output; undefined when the caller set none. */
  readonly outputTokens: number | undefined;
  readonly tools: boolean;
  readonly vision: boolean;
  readonly jsonSchema: boolean;
}

/** Estimated output tokens when the request sets no maximum. */
export const outputTokensDefault = 256;

/** `requestBytes` is the length of the caller's body. */
export function requirementsOf(chat: ChatRequest, requestBytes: number): RequestRequirements {
  return {
    inputTokens: estimatePromptTokens(chat, requestBytes),
    outputTokens: chat.maxOutputTokens,
    tools: chat.tools.length > 0,
    vision: chat.messages.some(({ content }) => content.some(isImage)),
    jsonSchema: chat.output?.type === 'json-schema',
  };
}

const isImage = (part: Part): boolean => part.type === 'image' || (part.type === 'tool-result' && part.content.some(isImage));

/** The operator's requirements of every target of a route. */
export interface TargetRequirements {
  readonly contextWindow?: number;
  readonly tools?: boolean;
  readonly vision?: boolean;
  readonly jsonSchema?: boolean;
  /** Any one of these. */
  readonly regions?: readonly string[];
  /** Nano-dollars per million tokens at most. */
  readonly inputPriceMax?: number;
  readonly outputPriceMax?: number;
}

/** Why a model cannot serve a request, by its known facts; undefined when it can. */
export function capabilityGap({ contextWindow, tools, vision, jsonSchema }: ModelFacts, needed: RequestRequirements): string | undefined {
  const tokens = needed.inputTokens + (needed.outputTokens ?? 0);
  if (contextWindow !== undefined && tokens > contextWindow) {
    return `the request needs about ${tokens} tokens, and its context window has ${contextWindow}`;
  }
  if (needed.tools && tools === false) return 'the request has tools, which the model does not support';
  if (needed.vision && vision === false) return 'the request has an image, which the model does not support';
  if (needed.jsonSchema && jsonSchema === false) return 'the request has a JSON Schema for the response, which the model does not support';
  return undefined;
}

/** Why a model does not meet the operator's requirements. An unknown fact does not meet one. */
export function unmetRequirement(
  facts: ModelFacts,
  required: TargetRequirements,
  price: { input: number; output: number } | undefined,
): string | undefined {
  const { contextWindow, regions, inputPriceMax, outputPriceMax } = required;
  if (contextWindow !== undefined && (facts.contextWindow ?? 0) < contextWindow) {
    return `its context window (${facts.contextWindow ?? 'unknown'}) is smaller than the required ${contextWindow}`;
  }
  for (const [trait, words] of [
    ['tools', 'tools'],
    ['vision', 'vision'],
    ['jsonSchema', 'JSON Schema'],
  ] as const) {
    if (required[trait] && facts[trait] !== true)
      return `${words} is required, and ${facts[trait] === false ? 'it has none' : 'it is not known to have it'}`;
  }
  if (regions && !regions.includes(facts.region ?? ''))
    return `its region ${facts.region ?? 'is unknown and'} is none of ${regions.join(', ')}`;
  if (inputPriceMax !== undefined && !(price && price.input <= inputPriceMax)) return 'its input price exceeds the maximum or is unknown';
  if (outputPriceMax !== undefined && !(price && price.output <= outputPriceMax))
    return 'its output price exceeds the maximum or is unknown';
  return undefined;
}
