/** Renders a routed request for one target, and what the target cannot carry. */

import { hash } from 'node:crypto';
import type { ChatRequest, ChatResponse } from '../core/chat/chat.ts';
import { type Json, type JsonObject, type JsonScan, scanObject, spliceMembers } from '../core/chat/json.ts';
import { type FieldLimits, limitsFor } from '../core/chat/limits/field-limits.ts';
import { fitBody } from '../core/chat/limits/fit-body.ts';
import { type FittedRequest, fitToLimits } from '../core/chat/limits/fit-request.ts';
import type { Hash } from '../core/chat/limits/fit-values.ts';
import { approximated, dropped, type Provider, type Warning } from '../core/chat/provider.ts';
import { isNative, restoreSignatures } from '../core/chat/reasoning-signature.ts';
import { unsupportedHints, withCallerFieldNames } from '../core/chat/request-loss.ts';
import { type PlainRequest, withPlainTools } from '../core/chat/tool-forms.ts';
import { outputTokensDefault, requirementsOf } from '../core/money/catalogue.ts';
import type { RoutePolicy, RouteStep } from '../core/routing/router.ts';
import { putLruEntry } from '../core/shared/lru-map.ts';
import { topLogprobsNeeded, topLogprobsOf } from '../core/signals/signal.ts';
import type { Demand } from '../targets/registry.ts';
import type { PreparedRequest, RoutedRequest } from './contract.ts';
import { responseLosses } from './response/render.ts';
import { gatewayMembers, patchRequestBytes, patchRequestText } from './response/verbatim.ts';

/** What a call of this question takes from a limit, and for whom. */
export function demandOf({ caller, body, chat, estimatedTokens }: RoutedRequest): Demand {
  if (estimatedTokens) return { tenant: caller.tenant, bytes: body.byteLength, tokens: estimatedTokens.input + estimatedTokens.output };
  const { inputTokens, outputTokens = outputTokensDefault } = requirementsOf(chat, body.byteLength);
  return { tenant: caller.tenant, bytes: body.byteLength, tokens: inputTokens + outputTokens };
}

const targets = new WeakMap<RoutePolicy, readonly string[]>();

/** The targets of a policy, each once. A fixed route has one policy for all its requests. */
export function targetsOf(policy: RoutePolicy): readonly string[] {
  const known = targets.get(policy);
  if (known) return known;
  const found = [...new Set(policy.steps.map(step => step.target))];
  targets.set(policy, found);
  return found;
}

/** Warnings of the request, and of the response that the caller received. */
export const warningsOf = ({ warnings, responseLosses }: PreparedRequest, answer: ChatResponse | undefined): readonly Warning[] =>
  answer && responseLosses ? [...warnings, ...responseLosses(answer)] : warnings;

/** The request as one target gets it: the caller's own bytes where the wire format is the same, else rendered. */
export function prepare(
  request: RoutedRequest,
  step: RouteStep,
  provider: Provider,
  model: string,
  isContinuation = false,
): PreparedRequest {
  const { chat: original } = request;
  const logprobs = logprobsNeeded(request, step);
  const measured = logprobs ? { ...original, logprobs } : original;
  const limits = limitsFor(provider.limits, model);
  const plain = withPlainTools(measured, limits?.toolForms);
  const fitted = fitToLimits(plain.chat, limits, sha256);
  const fitting: Fitting = { request, provider, model, measured, plain, limits, fitted, logprobs };
  const { wire } = request.dialect;
  const isVerbatim =
    !isContinuation &&
    plain.chat === measured &&
    provider.wire === wire &&
    isNative(original, wire === 'anthropic-messages') &&
    (!logprobs || wire === 'openai-chat');
  return isVerbatim ? prepareVerbatim(fitting) : prepareRendered(fitting, isContinuation);
}

/** A request on its way to one target: as it was read, with functions only, and within the target's limits. */
interface Fitting {
  readonly request: RoutedRequest;
  readonly provider: Provider;
  readonly model: string;
  readonly measured: ChatRequest;
  readonly plain: PlainRequest;
  readonly limits: FieldLimits | undefined;
  readonly fitted: FittedRequest;
  /** That the gateway added. */
  readonly logprobs: { readonly top: number } | undefined;
}

/** A field that the caller did not send is not lost to it. */
const withoutAddedLogprobs = (warnings: readonly Warning[], { request, logprobs }: Fitting): readonly Warning[] =>
  logprobs && !request.chat.logprobs ? warnings.filter(w => !/^(top_)?logprobs$/.test(w.field)) : warnings;

const addedLogprobs = ({ request, logprobs }: Fitting): Pick<PreparedRequest, 'addedLogprobs'> =>
  logprobs ? { addedLogprobs: { callerTop: request.chat.logprobs?.top } } : {};

/** The caller's own bytes, changed only where the target's limits and dialect differ. */
function prepareVerbatim(fitting: Fitting): PreparedRequest {
  const { request, provider, model, measured, limits, fitted, logprobs } = fitting;
  const { chat, toolNames } = fitted;
  const { wire, fieldNames } = request.dialect;
  const changes = { model, stream: chat.stream, logprobs };
  const isAlike = chat === measured && fitted.warnings.length === 0 && !provider.adapt;
  const bytes = isAlike ? patchRequestBytes(wire, request.raw, request.body, changes) : undefined;
  const adaptAnswer = provider.adaptAnswer?.();
  if (bytes) return prepareBytes(pathOf(provider, model, chat), bytes, fitted.chat, provider.wire, adaptAnswer);
  const patched = patchRequestText(wire, request.raw, changes);
  const within = chat === measured || !limits ? patched : changeBody(patched, value => fitBody(wire, value, limits, sha256));
  const { body, warnings } = adaptBody(within, provider, model);
  const limitWarnings = withCallerFieldNames(fitted.warnings, fieldNames, request.chat.messagePaths);
  return {
    path: pathOf(provider, model, chat),
    body,
    warnings: [...limitWarnings, ...withoutAddedLogprobs(warnings, fitting)],
    chat,
    wire: provider.wire,
    isVerbatim: true,
    ...(toolNames ? { toolNames } : {}),
    ...(adaptAnswer ? { adaptAnswer } : {}),
    ...addedLogprobs(fitting),
  };
}

/** The caller's bytes, of which a text is made where one is needed. */
function prepareBytes(
  path: string,
  bytes: Buffer,
  chat: ChatRequest,
  wire: string,
  adaptAnswer: PreparedRequest['adaptAnswer'],
): PreparedRequest {
  return {
    path,
    bytes,
    get body() {
      return bytes.toString();
    },
    warnings: noWarnings,
    chat,
    wire,
    isVerbatim: true,
    ...(adaptAnswer ? { adaptAnswer } : {}),
  };
}

const noWarnings: readonly Warning[] = [];

function prepareRendered(fitting: Fitting, isContinuation: boolean): PreparedRequest {
  const { request, provider, model, plain, fitted } = fitting;
  const { chat, toolNames } = fitted;
  const { chat: original, dialect } = request;
  const unsignedWarnings: Warning[] = [];
  const restored = restoreSignatures(withoutGatewayMembers(chat), dialect.wire, provider.wire, unsignedWarnings);
  const rendered = provider.renderRequest(restored, model);
  const warnings = withoutAddedLogprobs(rendered.warnings, fitting);
  const { fieldNames } = dialect;
  const renamedWarnings = [
    ...withCallerFieldNames([...plain.warnings, ...fitted.warnings], fieldNames, original.messagePaths),
    // Their messages are those of the fitted chat.
    ...withCallerFieldNames([...unsignedWarnings, ...warnings], fieldNames, chat.messagePaths),
    ...withCallerFieldNames(unsupportedHints(original, provider), fieldNames, original.messagePaths),
  ];
  const prepared: PreparedRequest = {
    ...rendered,
    warnings: [...unreadWarnings(original), ...renamedWarnings],
    chat,
    wire: provider.wire,
    isVerbatim: false,
    ...(toolNames ? { toolNames } : {}),
    ...(plain.freeformTools ? { freeformTools: plain.freeformTools } : {}),
    ...addedLogprobs(fitting),
    ...(warnings.some(({ type, field }) => type === 'approximated' && field === 'response_format') ? { emulatesJson: true } : {}),
    ...(isContinuation ? { isContinuation } : {}),
  };
  return { ...prepared, responseLosses: answer => responseLosses(answer, prepared, request) };
}

const sha256: Hash = text => hash('sha256', text);

const paths = new WeakMap<Provider, Map<string, string>>();
const pathsMax = 1_000;

/** Paths do not depend on the content; each is rendered once per model. */
function pathOf(provider: Provider, model: string, chat: ChatRequest): string {
  const cache = paths.get(provider) ?? new Map<string, string>();
  const name = chat.stream ? `${model} streamed` : model;
  const cached = cache.get(name);
  if (cached !== undefined) return cached;
  const { path } = provider.renderRequest({ ...chat, messages: [], tools: [] }, model);
  putLruEntry(cache, name, path, pathsMax);
  paths.set(provider, cache);
  return path;
}

/** Bytes in the target's wire format, changed where its dialect differs: other members stay as they are. */
function adaptBody(text: string, { adapt }: Provider, model: string): { readonly body: string; readonly warnings: readonly Warning[] } {
  const scan = adapt ? scanObject(text) : undefined;
  if (!adapt || !scan?.ok) return { body: text, warnings: [] };
  const { changes, warnings } = adapt(scan.value, model);
  return { body: applyChanges(text, scan, changes), warnings };
}

/** The text with the changes that its value needs. */
function changeBody(text: string, changesOf: (body: JsonObject) => Readonly<Record<string, Json>>): string {
  const scan = scanObject(text);
  return scan.ok ? applyChanges(text, scan, changesOf(scan.value)) : text;
}

function applyChanges(text: string, scan: JsonScan & { readonly ok: true }, changes: Readonly<Record<string, Json | undefined>>): string {
  const applied = Object.entries(changes).filter(([member, value]) => value !== undefined || scan.members.has(member));
  const json = Object.fromEntries(
    applied.map(([member, value]) => [member, value === undefined ? undefined : jsonTextOf(value, scan, text)]),
  );
  return applied.length === 0 ? text : spliceMembers(text, scan.members, json);
}

/** A value that only got another name keeps its text: numbers past 2^53 would be others. */
function jsonTextOf(value: Json, { value: body, members }: JsonScan & { readonly ok: true }, text: string): string {
  const [, span] = [...members].find(([member]) => body[member] === value && typeof value !== 'boolean') ?? [];
  return span ? text.slice(span.start, span.end) : JSON.stringify(value);
}

/** What only the caller's own bytes could have carried. */
const unreadWarnings = ({ bound = [], unread = [], restated = [] }: ChatRequest): readonly Warning[] => [
  ...restated.map(({ field, detail }) => approximated(field, detail)),
  ...bound.map((field): Warning => ({ ...dropped(field, 'Only a target of the same wire format knows what it refers to.'), bound: true })),
  ...unread.map(field => dropped(field, 'Means something only in the wire format it came in.')),
];

/** Log-probabilities beyond the caller's request that the step's `accept` or a replay needs. */
function logprobsNeeded({ chat, measure }: RoutedRequest, { accept, scorer }: RouteStep): { readonly top: number } | undefined {
  const scored = scorer?.features.map(({ signal }) => topLogprobsOf(signal)) ?? [];
  const tops = [accept && topLogprobsNeeded(accept), ...scored, measure === 'always' ? 0 : undefined].filter(top => top !== undefined);
  const needed = tops.length > 0 ? Math.max(...tops) : undefined;
  return needed === undefined || (chat.logprobs && chat.logprobs.top >= needed) ? undefined : { top: needed };
}

function withoutGatewayMembers(chat: ChatRequest): ChatRequest {
  const extra = Object.fromEntries(Object.entries(chat.extra).filter(([member]) => !gatewayMembers.includes(member)));
  return { ...chat, extra };
}
