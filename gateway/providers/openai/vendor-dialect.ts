/** A vendor's dialect of chat completions: members it refuses or renames, its reasoning parameters, and its error format. */
import type { ChatRequest, Reasoning, ReasoningEffort } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import type { ModelLimits } from '../../core/chat/limits/field-limits.ts';
import { type Adaptation, approximated, dropped, type Provider, type Warning } from '../../core/chat/provider.ts';
import type { Failure, FailureKind } from '../../core/shared/failure.ts';
import { adaptAnswer } from './adapt-answer.ts';
import { vendorLimits } from './limits.ts';
import { type ModelTraits, vendorModelTraits } from './model.ts';
import { parseFailure } from './parsing/failure.ts';
import { parseResponse } from './parsing/response.ts';
import { parseStream } from './parsing/stream.ts';
import { path, renderBody } from './request.ts';

type MemberChanges = Readonly<Record<string, Json | undefined>>;

export interface VendorDialect extends Pick<Provider, 'name' | 'baseUrl' | 'environment' | 'priceBook'> {
  readonly auth?: Provider['auth'];
  readonly keyOptional?: boolean;
  readonly account?: NonNullable<Provider['account']>;
  readonly modelPrefixes?: readonly string[];
  /** Replaces the limits of most such vendors. */
  readonly limits?: ModelLimits;
  /** Members that it refuses or ignores, with the reason for the warning. */
  readonly unsupported?: Readonly<Record<string, string>>;
  /** Members that it would refuse and whose absence changes nothing. */
  readonly omits?: readonly string[];
  readonly renames?: Readonly<Record<string, string>>;
  /** The reason when it accepts no participant names. */
  readonly namesUnsupported?: string;
  /** Its reasoning parameters, where `reasoning_effort` is not used. */
  reasoning?(requested: Reasoning, model: string, warnings: Warning[]): JsonObject;
  /** Any other difference. */
  amend?(body: JsonObject, model: string, warnings: Warning[]): MemberChanges;
  /** The kinds of its own error codes. */
  readonly failureKinds?: Readonly<Record<string, FailureKind>>;
  traits?(model: string): ModelTraits;
  path?(model: string): string;
}

const efforts: readonly Json[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] satisfies ReasoningEffort[];

/** A provider for a vendor of OpenAI's chat completions format, from its differences. */
export function vendorProvider(dialect: VendorDialect): Provider {
  const { name, baseUrl, environment, priceBook, auth = 'bearer', keyOptional, account, modelPrefixes, failureKinds } = dialect;
  return {
    name,
    wire: 'openai-chat',
    baseUrl,
    auth,
    ...(keyOptional === undefined ? {} : { keyOptional }),
    ...(account === undefined ? {} : { account }),
    framing: 'sse',
    environment,
    headers: {},
    priceBook,
    ...(modelPrefixes === undefined ? {} : { modelPrefixes }),
    limits: dialect.limits ?? vendorLimits,
    renderRequest: (request, model) => render(dialect, request, model),
    adapt: (body, model) => adapt(dialect, body, model),
    adaptAnswer,
    parseResponse,
    parseStream,
    parseFailure: failureKinds
      ? (status, headers, body) => applyFailureCodes(parseFailure(status, headers, body), failureKinds)
      : parseFailure,
  };
}

function render(dialect: VendorDialect, request: ChatRequest, model: string): ReturnType<Provider['renderRequest']> {
  const warnings: Warning[] = [];
  const { traits = vendorModelTraits, path: pathOf = () => path } = dialect;
  const { reasoning, ...rest } = dropParticipantNames(request, dialect.namesUnsupported, warnings);
  const adjusted = dialect.reasoning || !reasoning ? rest : { ...rest, reasoning };
  const body = renderBody(adjusted, model, traits(model), warnings);
  const isRequested = reasoning?.effort !== undefined || reasoning?.budgetTokens !== undefined;
  const rendered = dialect.reasoning && isRequested ? { ...body, ...dialect.reasoning(reasoning, model, warnings) } : body;
  const { changes, warnings: more } = applyDifferences(dialect, rendered, model);
  return { path: pathOf(model), body: JSON.stringify({ ...rendered, ...changes }), warnings: [...warnings, ...more] };
}

function adapt(dialect: VendorDialect, body: JsonObject, model: string): Adaptation {
  const warnings: Warning[] = [];
  const { reasoning_effort: effort } = body;
  const setsEffort = dialect.reasoning && efforts.includes(effort ?? null);
  const reasoningChanges: MemberChanges = setsEffort
    ? { reasoning_effort: undefined, ...dialect.reasoning!({ effort: effort as ReasoningEffort }, model, warnings) }
    : {};
  const names: MemberChanges = dialect.namesUnsupported === undefined ? {} : dropNamesInBody(body, dialect.namesUnsupported, warnings);
  const { changes, warnings: more } = applyDifferences(dialect, definedMembers({ ...body, ...reasoningChanges, ...names }), model);
  return { changes: { ...reasoningChanges, ...names, ...changes }, warnings: [...warnings, ...more] };
}

function dropParticipantNames(request: ChatRequest, reason: string | undefined, warnings: Warning[]): ChatRequest {
  if (reason === undefined || request.messages.every(message => message.name === undefined)) return request;
  const messages = request.messages.map(({ name, ...message }, index) => {
    if (name !== undefined) warnings.push(dropped(`messages[${index}].name`, reason));
    return message;
  });
  return { ...request, messages };
}

/** The same for a body; the `name` of a tool result is kept. */
function dropNamesInBody({ messages }: JsonObject, reason: string, warnings: Warning[]): MemberChanges {
  const isNamed = (message: Json): message is JsonObject => isObject(message) && message.name !== undefined && message.role !== 'tool';
  if (!Array.isArray(messages) || !messages.some(isNamed)) return {};
  const unnamed = (messages as readonly Json[]).map((message, index): Json => {
    if (!isNamed(message)) return message;
    warnings.push(dropped(`messages[${index}].name`, reason));
    const { name: _, ...rest } = message;
    return rest;
  });
  return { messages: unnamed };
}

function applyDifferences(
  { unsupported = {}, omits = [], renames = {}, amend }: VendorDialect,
  body: JsonObject,
  model: string,
): Adaptation {
  const warnings: Warning[] = [];
  const changes: Record<string, Json | undefined> = {};
  for (const field of omits) if (Object.hasOwn(body, field)) changes[field] = undefined;
  for (const [field, reason] of Object.entries(unsupported)) {
    if (!Object.hasOwn(body, field)) continue;
    changes[field] = undefined;
    if (!isDefault(field, body[field]!)) warnings.push(...lossWarnings(field, body[field]!, reason));
  }
  for (const [field, other] of Object.entries(renames)) {
    if (!Object.hasOwn(body, field) || Object.hasOwn(changes, field)) continue;
    changes[field] = undefined;
    if (!Object.hasOwn(body, other)) changes[other] = body[field];
  }
  const amended = amend?.(definedMembers({ ...body, ...changes }), model, warnings) ?? {};
  return { changes: { ...changes, ...amended }, warnings };
}

const definedMembers = (members: MemberChanges): JsonObject =>
  Object.fromEntries(Object.entries(members).filter((member): member is [string, Json] => member[1] !== undefined));

/** One warning for each tool. */
const lossWarnings = (field: string, value: Json, reason: string): readonly Warning[] =>
  field === 'tools' && Array.isArray(value) ? value.map((_, index) => dropped(`tools[${index}]`, reason)) : [dropped(field, reason)];

/** For vendors that ignore `tool_choice: none`: the tools are removed together with the choice. */
export function withoutTools({ tools, tool_choice: choice }: JsonObject, vendor: string, warnings: Warning[]): MemberChanges {
  if (choice !== 'none' || tools === undefined) return {};
  const reason = `${vendor} cannot be kept from calling tools; the tools were not sent.`;
  warnings.push(
    ...lossWarnings('tools', tools, reason).map(({ field }) => approximated(field, reason)),
    approximated('tool_choice', reason),
  );
  return { tools: undefined, tool_choice: undefined };
}

const defaults: Readonly<Record<string, Json>> = {
  n: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
  logprobs: false,
  top_logprobs: 0,
  parallel_tool_calls: true,
  tool_choice: 'auto',
  service_tier: 'auto',
};

/** A value that is the default. */
const isDefault = (field: string, value: Json): boolean => value === null || (Object.hasOwn(defaults, field) && defaults[field] === value);

function applyFailureCodes(failure: Failure, codes: Readonly<Record<string, FailureKind>>): Failure {
  const { code } = failure;
  const kind = code !== undefined && Object.hasOwn(codes, code) ? codes[code] : undefined;
  return kind ? { ...failure, kind } : failure;
}
