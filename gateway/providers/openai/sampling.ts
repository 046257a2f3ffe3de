/** Sampling, stop sequences, log-probabilities and reasoning effort, as far as a model accepts them. */
import type { ChatRequest, ReasoningEffort } from '../../core/chat/chat.ts';
import type { Json, JsonObject } from '../../core/chat/json.ts';
import { altered, approximated, dropped, type Warning } from '../../core/chat/provider.ts';
import type { ModelTraits } from './model.ts';

const effortOrder: readonly ReasoningEffort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];
/** The maximum budget of each effort, for models that accept an effort only. */
const budgets: readonly (readonly [ReasoningEffort, number])[] = [
  ['low', 4_096],
  ['medium', 12_288],
  ['high', 24_576],
];
const stopSequencesMax = 4;

export function renderSampling(request: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject {
  const effort = renderEffort(request, traits, warnings);
  const reasons = (effort ?? traits.effortDefault ?? 'none') !== 'none';
  const supportsSampling = traits.sampling === 'always' || (traits.sampling === 'without-reasoning' && !reasons);
  const unsupportedReason =
    traits.sampling === 'without-reasoning' ? 'This model takes it only without reasoning.' : 'This model does not accept it.';
  const { logprobs } = request;
  return {
    ...(effort === undefined ? {} : { reasoning_effort: effort }),
    // 1 is the default, the only value that the others accept.
    ...supportedMembers(
      { temperature: request.temperature, top_p: request.topP },
      value => supportsSampling || value === 1,
      unsupportedReason,
      warnings,
    ),
    ...supportedMembers({ logprobs: logprobs && true }, () => supportsSampling, unsupportedReason, warnings),
    ...(logprobs && supportsSampling && logprobs.top > 0 ? { top_logprobs: logprobs.top } : {}),
    ...supportedMembers(
      { frequency_penalty: request.frequencyPenalty, presence_penalty: request.presencePenalty },
      value => traits.penalties || value === 0,
      'This model takes no penalties.',
      warnings,
    ),
    ...supportedMembers({ top_k: request.topK }, () => !traits.isOpenAi, 'OpenAI has no equivalent of top_k.', warnings),
    ...renderStop(request, traits, warnings),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.choices === undefined ? {} : { n: request.choices }),
  };
}

/** The given members without those that the model refuses. */
function supportedMembers(
  members: Readonly<Record<string, Json | undefined>>,
  isSupported: (value: Json) => boolean,
  unsupportedReason: string,
  warnings: Warning[],
): JsonObject {
  const sent: Record<string, Json> = {};
  for (const [field, value] of Object.entries(members)) {
    if (value === undefined) continue;
    if (isSupported(value)) sent[field] = value;
    else warnings.push(dropped(field, unsupportedReason));
  }
  return sent;
}

function renderStop({ stop }: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject {
  if (stop.length === 0) return {};
  if (!traits.stop) {
    warnings.push(dropped('stop', 'This model takes no stop sequences.'));
    return {};
  }
  if (!traits.isOpenAi || stop.length <= stopSequencesMax) return { stop };
  warnings.push(dropped('stop', `OpenAI takes ${stopSequencesMax} stop sequences; the rest were left out.`));
  return { stop: stop.slice(0, stopSequencesMax) };
}

function renderEffort(request: ChatRequest, traits: ModelTraits, warnings: Warning[]): ReasoningEffort | undefined {
  const requested = requestedEffort(request, traits, warnings);
  if (traits.toolsWhileReasoning || request.tools.length === 0) return requested;
  if ((requested ?? traits.effortDefault) === 'none') return requested;
  warnings.push(altered('reasoning_effort', 'In this API the model calls tools only without reasoning; sent with the effort none.'));
  return 'none';
}

function requestedEffort({ reasoning }: ChatRequest, traits: ModelTraits, warnings: Warning[]): ReasoningEffort | undefined {
  if (reasoning?.effort === undefined && reasoning?.budgetTokens === undefined) return undefined;
  const { effort = effortOf(reasoning.budgetTokens!), budgetTokens } = reasoning;
  const field = reasoning.effort === undefined ? 'reasoning.max_tokens' : 'reasoning_effort';
  if (traits.efforts === 'any') {
    if (budgetTokens !== undefined) warnings.push(approximated('reasoning.max_tokens', `Sent as the effort ${effort}.`));
    return effort;
  }
  const [least] = traits.efforts;
  if (least === undefined) {
    if (effort !== 'none') warnings.push(dropped(field, 'This model does not reason.'));
    return undefined;
  }
  const nearest = traits.efforts.find(known => effortOrder.indexOf(known) >= effortOrder.indexOf(effort)) ?? traits.efforts.at(-1)!;
  if (budgetTokens !== undefined) warnings.push(approximated('reasoning.max_tokens', `Sent as the effort ${nearest}.`));
  else if (nearest !== effort) warnings.push(approximated('reasoning_effort', `The nearest effort of this model is ${nearest}.`));
  return nearest;
}

const effortOf = (budgetTokens: number): ReasoningEffort =>
  budgetTokens === 0 ? 'none' : (budgets.find(([, most]) => budgetTokens <= most)?.[0] ?? 'xhigh');
