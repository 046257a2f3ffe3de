/** Sampling, stop sequences, log-probabilities and reasoning effort, as far as a model takes them. */
import type { ChatRequest, ReasoningEffort } from '../../core/chat.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { altered, approximated, dropped, type Warning } from '../../core/provider.ts';
import type { ModelTraits } from './model.ts';

const order: readonly ReasoningEffort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];
/** Of a thinking budget, for models that take an effort only: the most tokens each effort stands for. */
const budgets: readonly (readonly [ReasoningEffort, number])[] = [
  ['low', 4_096],
  ['medium', 12_288],
  ['high', 24_576],
];
const stopSequencesMax = 4;

export function renderSampling(request: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject {
  const effort = renderEffort(request, traits, warnings);
  const reasons = (effort ?? traits.effortDefault ?? 'none') !== 'none';
  const takes = traits.sampling === 'always' || (traits.sampling === 'resting' && !reasons);
  const untaken = traits.sampling === 'resting' ? 'This model takes it only without reasoning.' : 'This model does not take it.';
  const { logprobs } = request;
  return {
    ...(effort === undefined ? {} : { reasoning_effort: effort }),
    // 1 is the default, which the others insist on.
    ...some({ temperature: request.temperature, top_p: request.topP }, value => takes || value === 1, untaken, warnings),
    ...some({ logprobs: logprobs && true }, () => takes, untaken, warnings),
    ...(logprobs && takes && logprobs.top > 0 ? { top_logprobs: logprobs.top } : {}),
    ...some(
      { frequency_penalty: request.frequencyPenalty, presence_penalty: request.presencePenalty },
      value => traits.penalties || value === 0,
      'This model takes no penalties.',
      warnings,
    ),
    ...some({ top_k: request.topK }, () => !traits.own, 'OpenAI has nothing like top_k.', warnings),
    ...renderStop(request, traits, warnings),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.choices === undefined ? {} : { n: request.choices }),
  };
}

/** The members that were given, less those that the model does not take. */
function some(
  given: Readonly<Record<string, Json | undefined>>,
  takes: (value: Json) => boolean,
  untaken: string,
  warnings: Warning[],
): JsonObject {
  const sent: Record<string, Json> = {};
  for (const [field, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (takes(value)) sent[field] = value;
    else warnings.push(dropped(field, untaken));
  }
  return sent;
}

function renderStop({ stop }: ChatRequest, traits: ModelTraits, warnings: Warning[]): JsonObject {
  if (stop.length === 0) return {};
  if (!traits.stop) {
    warnings.push(dropped('stop', 'This model takes no stop sequences.'));
    return {};
  }
  if (!traits.own || stop.length <= stopSequencesMax) return { stop };
  warnings.push(dropped('stop', `OpenAI takes ${stopSequencesMax} stop sequences; the rest were left out.`));
  return { stop: stop.slice(0, stopSequencesMax) };
}

function renderEffort(request: ChatRequest, traits: ModelTraits, warnings: Warning[]): ReasoningEffort | undefined {
  const asked = effortAsked(request, traits, warnings);
  if (traits.toolsWhileReasoning || request.tools.length === 0) return asked;
  if ((asked ?? traits.effortDefault) === 'none') return asked;
  warnings.push(altered('reasoning_effort', 'On this API the model calls tools only without reasoning; none was asked for.'));
  return 'none';
}

function effortAsked({ reasoning }: ChatRequest, traits: ModelTraits, warnings: Warning[]): ReasoningEffort | undefined {
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
  const nearest = traits.efforts.find(known => order.indexOf(known) >= order.indexOf(effort)) ?? traits.efforts.at(-1)!;
  if (budgetTokens !== undefined) warnings.push(approximated('reasoning.max_tokens', `Sent as the effort ${nearest}.`));
  else if (nearest !== effort) warnings.push(approximated('reasoning_effort', `The nearest effort of this model is ${nearest}.`));
  return nearest;
}

const effortOf = (budgetTokens: number): ReasoningEffort =>
  budgetTokens === 0 ? 'none' : (budgets.find(([, most]) => budgetTokens <= most)?.[0] ?? 'xhigh');
