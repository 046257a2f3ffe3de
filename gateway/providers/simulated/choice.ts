/** Generates one choice of the simulation, from the request to its tokens. */

import { callPieces, isGreetingRequest, textPieces } from './content.ts';
import type { Directives } from './directives.ts';
import { applyLimits, type GeneratedChoice } from './limits.ts';
import { logprobsOf } from './logprobs.ts';
import { type Correctness, drawCorrectness, forceCorrectness, type ModelProfile } from './model-profile.ts';
import type { SimulatedRequest } from './request.ts';
import { toolsToCall } from './tool-calls.ts';

export interface SimulatedModel {
  readonly name: string;
  readonly traits: ModelProfile;
  readonly directives: Directives;
}

/** `choice` is its index. Undefined when no value conforms to the requested schema. */
export function generateChoice(request: SimulatedRequest, simulatedModel: SimulatedModel, choice: number): GeneratedChoice | undefined {
  const choiceSeed = `${request.seed} ${simulatedModel.name} ${choice}`;
  const verdict = correctnessOf(request, simulatedModel, choiceSeed);
  const tools = toolsToCall(request);
  const pieces =
    tools.length > 0
      ? callPieces(tools, request.seed, verdict, choiceSeed)
      : textPieces(request, verdict, choiceSeed, simulatedModel.directives.tokens);
  if (!pieces) return undefined;
  const limited = applyLimits(pieces, request.tokensMax, request.stop);
  return request.top === undefined
    ? limited
    : { ...limited, pieces: logprobsOf(limited.pieces, verdict.confidence, request.top, choiceSeed) };
}

function correctnessOf(request: SimulatedRequest, { traits, directives }: SimulatedModel, choiceSeed: string): Correctness {
  const forced = directives.right || isGreetingRequest(request) ? true : directives.wrong ? false : undefined;
  const verdict = forced === undefined ? drawCorrectness(traits, request.seed, choiceSeed) : forceCorrectness(forced, traits, choiceSeed);
  return directives.logprob === undefined ? verdict : { ...verdict, confidence: directives.logprob };
}
