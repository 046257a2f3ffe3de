/** What is asked of a route, by whom, in whose words: all that a drive needs to know of a request before it starts. */
import { needOf, outputTokensUnsaid } from '../core/catalogue.ts';
import type { ChatRequest, ChatResponse } from '../core/chat.ts';
import { type Json, type Scan, scanObject, spliceMembers } from '../core/json.ts';
import { putLatest } from '../core/latest.ts';
import { hintsLost, renamed } from '../core/loss.ts';
import { dropped, type Provider, type Warning } from '../core/provider.ts';
import type { RouteStep } from '../core/route.ts';
import { topLogprobsNeeded, topLogprobsOf } from '../core/signal.ts';
import { homeward, isNative } from '../core/signature.ts';
import type { Wants } from '../targets/state.ts';
import type { PreparedRequest, Question } from './contract.ts';
import { answerLosses } from './deliver.ts';
import { ours, passRequest } from './pass.ts';

/** What a call of this question takes from a limit, and for whom. */
export function wantsOf({ caller, body, chat, reckoned }: Question): Wants {
  if (reckoned) return { tenant: caller.tenant, bytes: body.byteLength, tokens: reckoned.input + reckoned.output };
  const { inputTokens, outputTokens = outputTokensUnsaid } = needOf(chat, body.byteLength);
  return { tenant: caller.tenant, bytes: body.byteLength, tokens: inputTokens + outputTokens };
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
