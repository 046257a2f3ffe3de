/** What is asked of a route, by whom, in whose words: all that a drive needs to know of a request before it starts. */
import { needOf, outputTokensUnsaid } from '../core/catalogue.ts';
import type { ChatRequest, ChatResponse } from '../core/chat.ts';
import type { Dialect } from '../core/dialect.ts';
import type { Caller, TraceIds } from '../core/exchange.ts';
import { type Json, type Scan, scanObject, spliceMembers } from '../core/json.ts';
import { putLatest } from '../core/latest.ts';
import { hintsLost, renamed } from '../core/loss.ts';
import { dropped, type Provider, type RawRequest, type RenderedRequest, type Warning } from '../core/provider.ts';
import type { RoutePolicy, RouteStep } from '../core/route.ts';
import { topLogprobsNeeded, topLogprobsOf } from '../core/signal.ts';
import { homeward, isNative } from '../core/signature.ts';
import type { Instant } from '../core/time.ts';
import type { CopyPlan } from '../core/variants.ts';
import type { Wants } from '../targets/state.ts';
import { answerLosses } from './deliver.ts';
import { ours, passRequest } from './pass.ts';

export interface Question {
  /** UUIDv7 of the exchange, and the seed of its coins. */
  readonly id: string;
  readonly receivedAt: Instant;
  /** Since when its deadline runs, where it may have waited before it is asked; since it is asked when absent. */
  readonly arrivedAt?: Instant;
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
  /** A caller that lost its connection may go on where it was: the pieces of its stream are numbered and kept. */
  readonly resumable?: true;
  /** How the trace goes on at providers with `trace: true`: its flag and the caller's `tracestate`; sampled and without one when absent. */
  readonly onward?: { readonly isSampled: boolean; readonly state: string };
  /** Tokens that it is reckoned to need, where its body is not the text that is counted; `isFree` where nobody takes money for it. */
  readonly reckoned?: { readonly input: number; readonly output: number; readonly isFree?: true };
  /** How many gateways it came through already; absent means none. */
  readonly hops?: number;
  /** Log-probabilities are asked of the targets where the caller or a step's `accept` wants them (absent), or of every one: replay measures. */
  readonly measure?: 'asked' | 'always';
  /** What is asked besides, once it is answered; nothing when absent. */
  readonly copies?: CopyPlan;
  readonly replayOf?: string;
  /** Of a copy: how likely it was to be asked. */
  readonly auditProbability?: number;
  readonly run?: string;
  readonly arm?: string;
  readonly repeat?: number;
}

/** What a call of this question takes from a limit, and for whom. */
export function wantsOf({ caller, body, chat, reckoned }: Question): Wants {
  if (reckoned) return { tenant: caller.tenant, bytes: body.byteLength, tokens: reckoned.input + reckoned.output };
  const { inputTokens, outputTokens = outputTokensUnsaid } = needOf(chat, body.byteLength);
  return { tenant: caller.tenant, bytes: body.byteLength, tokens: inputTokens + outputTokens };
}

export interface PreparedRequest extends RenderedRequest {
  /** The target's. */
  readonly wire: string;
  /** Caller and target speak the same wire format: the answer's bytes may pass. */
  readonly passes: boolean;
  /** What of an answer to it the caller's format has no place for; absent where the answer's bytes pass. */
  readonly losses?: (answer: ChatResponse) => readonly Warning[];
  /** It is only asked for JSON, and not held to it. */
  readonly emulatesJson?: true;
  /** It goes on with an answer that broke, and whose beginning it holds. */
  readonly goesOn?: boolean;
  /** What the target is asked, log-probabilities of ours included. */
  readonly chat: ChatRequest;
  /** We asked for log-probabilities that the caller did not: how many alternatives it may see, undefined for none at all. */
  readonly ownLogprobs?: { readonly shownTop: number | undefined };
}

/** What a target could not be asked; and, of the answer that its caller read, what could not be told. */
export const warningsOf = ({ warnings, losses }: PreparedRequest, answer: ChatResponse | undefined): readonly Warning[] =>
  answer && losses ? [...warnings, ...losses(answer)] : warnings;

/** The request as one target gets it: the caller's own bytes where the wire format is the same, rendered anew where it is not. */
export function prepare(question: Question, step: RouteStep, provider: Provider, model: string, goesOn = false): PreparedRequest {
  const { raw, chat: asked } = question;
  const logprobs = logprobsWanted(question, step);
  const own = logprobs ? { ownLogprobs: { shownTop: asked.logprobs?.top } } : {};
  const chat = logprobs ? { ...asked, logprobs } : asked;
  const { wire } = question.dialect;
  // What the caller did not ask for is no loss of its.
  const withoutOurWish = (warnings: readonly Warning[]): readonly Warning[] =>
    logprobs && !asked.logprobs ? warnings.filter(w => !/^(top_)?logprobs$/.test(w.field)) : warnings;
  if (!goesOn && provider.wire === wire && isNative(asked, wire === 'anthropic-messages') && (!logprobs || wire === 'openai-chat')) {
    const path = pathOf(provider, model, chat);
    const { body, warnings } = adapted(passRequest(wire, raw, { model, stream: chat.stream, logprobs }), provider, model);
    return { path, body, warnings: withoutOurWish(warnings), chat, wire: provider.wire, passes: true, ...own };
  }
  const unsigned: Warning[] = [];
  const rendered = provider.renderRequest(homeward(withoutOurs(chat), wire, provider.wire, unsigned), model);
  const warnings = withoutOurWish(rendered.warnings);
  const named = renamed([...unsigned, ...warnings, ...hintsLost(asked, provider)], question.dialect.fieldNames, asked.places);
  const prepared: PreparedRequest = {
    ...rendered,
    warnings: [...unread(asked), ...named],
    chat,
    wire: provider.wire,
    passes: false,
    ...own,
    ...(warnings.some(({ type, field }) => type === 'approximated' && field === 'response_format') ? { emulatesJson: true } : {}),
    ...(goesOn ? { goesOn } : {}),
  };
  return { ...prepared, losses: answer => answerLosses(answer, prepared, question) };
}

const paths = new WeakMap<Provider, Map<string, string>>();
const pathsMax = 1_000;

/** No path depends on what is said: it is rendered once for each model. */
function pathOf(provider: Provider, model: string, chat: ChatRequest): string {
  const known = paths.get(provider) ?? new Map<string, string>();
  const name = chat.stream ? `${model} streamed` : model;
  const before = known.get(name);
  if (before !== undefined) return before;
  const { path } = provider.renderRequest({ ...chat, messages: [], tools: [] }, model);
  putLatest(known, name, path, pathsMax);
  paths.set(provider, known);
  return path;
}

/** Bytes in the target's wire format, changed where its dialect differs: other members stay as they are. */
function adapted(text: string, { adapt }: Provider, model: string): { readonly body: string; readonly warnings: readonly Warning[] } {
  const scan = adapt ? scanObject(text) : undefined;
  if (!adapt || !scan?.ok) return { body: text, warnings: [] };
  const { changes, warnings } = adapt(scan.value, model);
  const said = Object.entries(changes).filter(([member, value]) => value !== undefined || scan.members.has(member));
  const json = Object.fromEntries(said.map(([member, value]) => [member, value === undefined ? undefined : textOf(value, scan, text)]));
  return { body: said.length === 0 ? text : spliceMembers(text, scan.members, json), warnings };
}

/** A value that only got another name keeps its text: numbers past 2^53 would be others. */
function textOf(value: Json, { value: body, members }: Scan & { readonly ok: true }, text: string): string {
  const [, span] = [...members].find(([member]) => body[member] === value && typeof value !== 'boolean') ?? [];
  return span ? text.slice(span.start, span.end) : JSON.stringify(value);
}

/** What only the caller's own bytes could have carried. */
const unread = ({ bound = [], unread = [] }: ChatRequest): readonly Warning[] => [
  ...bound.map((field): Warning => ({ ...dropped(field, 'Only a target of the same wire format knows what it refers to.'), bound: true })),
  ...unread.map(field => dropped(field, 'Means something only in the wire format that it was said in.')),
];

/** What must be asked over the caller's own wish, so that the step's acceptance or the replay can be measured. */
function logprobsWanted({ chat, measure }: Question, { accept, scorer }: RouteStep): { readonly top: number } | undefined {
  const weighed = scorer?.features.map(({ signal }) => topLogprobsOf(signal)) ?? [];
  const wanted = [accept && topLogprobsNeeded(accept), ...weighed, measure === 'always' ? 0 : undefined].filter(top => top !== undefined);
  const needed = wanted.length > 0 ? Math.max(...wanted) : undefined;
  return needed === undefined || (chat.logprobs && chat.logprobs.top >= needed) ? undefined : { top: needed };
}

function withoutOurs(chat: ChatRequest): ChatRequest {
  const extra = Object.fromEntries(Object.entries(chat.extra).filter(([member]) => !ours.includes(member)));
  return { ...chat, extra };
}
