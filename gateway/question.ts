/** What is asked of a route, by whom, in whose words: all that a drive needs to know of a request before it starts. */
import type { ChatRequest } from './core/chat.ts';
import type { Dialect } from './core/dialect.ts';
import type { Caller, TraceIds } from './core/exchange.ts';
import { spliceMembers } from './core/json.ts';
import type { Provider, RawRequest, RenderedRequest } from './core/provider.ts';
import type { RoutePolicy, RouteStep } from './core/route.ts';
import { topLogprobsNeeded } from './core/signal.ts';
import type { Instant } from './core/time.ts';

export interface Question {
  /** UUIDv7 of the exchange, and the seed of its coins. */
  readonly id: string;
  readonly receivedAt: Instant;
  readonly caller: Caller;
  readonly trace: TraceIds;
  readonly dialect: Dialect;
  readonly policy: RoutePolicy;
  readonly onUnsupported: 'warn' | 'drop' | 'reject';
  readonly configHash: string;
  readonly chat: ChatRequest;
  /** The caller's JSON text, for targets of the same wire format. */
  readonly raw: RawRequest;
  /** The caller's body, byte for byte, and its allow-listed headers. */
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly includeUsage: boolean;
  readonly replayOf?: string;
  readonly run?: string;
}

export interface PreparedRequest extends RenderedRequest {
  /** Caller and target speak the same wire format: the answer's bytes may pass. */
  readonly passes: boolean;
  /** What the target is asked, log-probabilities of ours included. */
  readonly chat: ChatRequest;
  /** We asked for log-probabilities that the caller did not: they must not reach it. */
  readonly stripsLogprobs: boolean;
}

/** Members of a request that are said to us and mean nothing to a provider. */
const ours = ['models', 'fallbacks'];

/** The request as one target gets it: the caller's own bytes where the wire format is the same, rendered anew where it is not. */
export function prepare(question: Question, step: RouteStep, provider: Provider, model: string): PreparedRequest {
  const { raw } = question;
  const top = step.accept && !question.chat.logprobs ? topLogprobsNeeded(step.accept) : undefined;
  const chat = top === undefined ? question.chat : { ...question.chat, logprobs: { top } };
  const passes = provider.wire === question.dialect.wire && !ours.some(member => raw.members.has(member));
  const stripsLogprobs = top !== undefined;
  const rendered = provider.renderRequest(passes ? chat : withoutOurs(chat), model);
  if (!passes) return { ...rendered, chat, passes, stripsLogprobs };
  const logprobs = top === undefined ? {} : { logprobs: 'true', ...(top > 0 ? { top_logprobs: String(top) } : {}) };
  const body = spliceMembers(raw.text, raw.members, { model: JSON.stringify(model), ...logprobs });
  return { path: rendered.path, body, warnings: [], chat, passes, stripsLogprobs };
}

function withoutOurs(chat: ChatRequest): ChatRequest {
  const extra = Object.fromEntries(Object.entries(chat.extra).filter(([member]) => !ours.includes(member)));
  return { ...chat, extra };
}
