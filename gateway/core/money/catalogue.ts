/** What is known of a model besides its price, and what a request needs of one. */
import type { ChatRequest, Part } from '../chat/chat.ts';
import { estimatePromptTokens } from './token-estimate.ts';

/** Absent where nobody has said. */
export interface ModelFacts {
  /** Tokens of request and answer together. */
  readonly contextWindow?: number;
  readonly tools?: boolean;
  readonly vision?: boolean;
  readonly jsonSchema?: boolean;
  /** Where it runs, in the operator's words. */
  readonly region?: string;
}

export interface RequestRequirements {
  readonly inputTokens: number;
  /** The most that the answer may take; undefined when the caller set no bound. */
  readonly outputTokens: number | undefined;
  readonly tools: boolean;
  readonly vision: boolean;
  readonly jsonSchema: boolean;
}

/** What an answer of unsaid length is reckoned to take. */
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

/** What the operator requires of every target of a route. */
export interface TargetRequirements {
  readonly contextWindow?: number;
  readonly tools?: boolean;
  readonly vision?: boolean;
  readonly jsonSchema?: boolean;
  /** One of these. */
  readonly regions?: readonly string[];
  /** Nano-dollars per million tokens at most. */
  readonly inputPriceMax?: number;
  readonly outputPriceMax?: number;
}

/** Why a model cannot carry a request, as far as anything is known of it; undefined when it can. */
export function capabilityGap({ contextWindow, tools, vision, jsonSchema }: ModelFacts, needed: RequestRequirements): string | undefined {
  const tokens = needed.inputTokens + (needed.outputTokens ?? 0);
  if (contextWindow !== undefined && tokens > contextWindow) {
    return `the request needs about ${tokens} tokens, and its context window has ${contextWindow}`;
  }
  if (needed.tools && tools === false) return 'the request brings tools, and it calls none';
  if (needed.vision && vision === false) return 'the request brings an image, and it sees none';
  if (needed.jsonSchema && jsonSchema === false) return 'the request wants an answer by a JSON Schema, and it keeps none';
  return undefined;
}

/** Why a model does not meet what the operator requires. What is required must be known: an unknown region is not the right one. */
export function unmetRequirement(
  facts: ModelFacts,
  required: TargetRequirements,
  price: { input: number; output: number } | undefined,
): string | undefined {
  const { contextWindow, regions, inputPriceMax, outputPriceMax } = required;
  if (contextWindow !== undefined && (facts.contextWindow ?? 0) < contextWindow) {
    return `its context window of ${facts.contextWindow ?? 'unknown size'} is under the ${contextWindow} required`;
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
  if (inputPriceMax !== undefined && !(price && price.input <= inputPriceMax)) return 'its price of input is over the ceiling, or unknown';
  if (outputPriceMax !== undefined && !(price && price.output <= outputPriceMax))
    return 'its price of output is over the ceiling, or unknown';
  return undefined;
}
