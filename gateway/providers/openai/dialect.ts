/** A vendor that speaks chat completions with differences: what it refuses, renames or says in its own way, and how its errors read. */
import type { ChatRequest, Reasoning, ReasoningEffort } from '../../core/chat.ts';
import type { Failure, FailureKind } from '../../core/failure.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { type Adaptation, approximated, dropped, type Provider, type Warning } from '../../core/provider.ts';
import { parseFailure } from './failure.ts';
import { foreignTraits, type ModelTraits } from './model.ts';
import { path, renderBody } from './request.ts';
import { parseResponse } from './response.ts';
import { parseStream } from './stream.ts';

type Changes = Readonly<Record<string, Json | undefined>>;

export interface Differences extends Pick<Provider, 'name' | 'baseUrl' | 'environment' | 'priceBook'> {
  readonly auth?: Provider['auth'];
  readonly keyOptional?: boolean;
  readonly account?: NonNullable<Provider['account']>;
  readonly modelPrefixes?: readonly string[];
  /** Members that it refuses or passes over, and why they are left out. */
  readonly refuses?: Readonly<Record<string, string>>;
  /** Members that would be refused and whose absence changes nothing. */
  readonly omits?: readonly string[];
  readonly renames?: Readonly<Record<string, string>>;
  /** Why it takes no names of speakers, where it does not. */
  readonly nameless?: string;
  /** How it is told to reason, when not by `reasoning_effort`. */
  reasoning?(asked: Reasoning, model: string, warnings: Warning[]): JsonObject;
  /** Whatever else is different. */
  amend?(body: JsonObject, model: string, warnings: Warning[]): Changes;
  /** What its own error codes mean. */
  readonly codes?: Readonly<Record<string, FailureKind>>;
  traits?(model: string): ModelTraits;
  path?(model: string): string;
}

const efforts: readonly Json[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] satisfies ReasoningEffort[];

export function dialectOf(differences: Differences): Provider {
  const { name, baseUrl, environment, priceBook, auth = 'bearer', keyOptional, account, modelPrefixes, codes } = differences;
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
    renderRequest: (request, model) => render(differences, request, model),
    adapt: (body, model) => adapt(differences, body, model),
    parseResponse,
    parseStream,
    parseFailure: codes ? (status, headers, body) => coded(parseFailure(status, headers, body), codes) : parseFailure,
  };
}

function render(differences: Differences, request: ChatRequest, model: string): ReturnType<Provider['renderRequest']> {
  const warnings: Warning[] = [];
  const { traits = foreignTraits, path: pathOf = () => path } = differences;
  const { reasoning, ...rest } = withoutNames(request, differences.nameless, warnings);
  const asked = differences.reasoning || !reasoning ? rest : { ...rest, reasoning };
  const body = renderBody(asked, model, traits(model), warnings);
  const isAsked = reasoning?.effort !== undefined || reasoning?.budgetTokens !== undefined;
  const told = differences.reasoning && isAsked ? { ...body, ...differences.reasoning(reasoning, model, warnings) } : body;
  const { changes, warnings: more } = adaptRest(differences, told, model);
  return { path: pathOf(model), body: JSON.stringify({ ...told, ...changes }), warnings: [...warnings, ...more] };
}

function adapt(differences: Differences, body: JsonObject, model: string): Adaptation {
  const warnings: Warning[] = [];
  const { reasoning_effort: effort } = body;
  const reasons = differences.reasoning && efforts.includes(effort ?? null);
  const told: Changes = reasons
    ? { reasoning_effort: undefined, ...differences.reasoning!({ effort: effort as ReasoningEffort }, model, warnings) }
    : {};
  const names: Changes = differences.nameless === undefined ? {} : namelessOf(body, differences.nameless, warnings);
  const { changes, warnings: more } = adaptRest(differences, defined({ ...body, ...told, ...names }), model);
  return { changes: { ...told, ...names, ...changes }, warnings: [...warnings, ...more] };
}

function withoutNames(request: ChatRequest, why: string | undefined, warnings: Warning[]): ChatRequest {
  if (why === undefined || request.messages.every(message => message.name === undefined)) return request;
  const messages = request.messages.map(({ name, ...message }, index) => {
    if (name !== undefined) warnings.push(dropped(`messages[${index}].name`, why));
    return message;
  });
  return { ...request, messages };
}

/** The same of a body; a tool's result may be named. */
function namelessOf({ messages }: JsonObject, why: string, warnings: Warning[]): Changes {
  const isNamed = (message: Json): message is JsonObject => isObject(message) && message.name !== undefined && message.role !== 'tool';
  if (!Array.isArray(messages) || !messages.some(isNamed)) return {};
  const nameless = (messages as readonly Json[]).map((message, index): Json => {
    if (!isNamed(message)) return message;
    warnings.push(dropped(`messages[${index}].name`, why));
    const { name: _, ...rest } = message;
    return rest;
  });
  return { messages: nameless };
}

function adaptRest({ refuses = {}, omits = [], renames = {}, amend }: Differences, body: JsonObject, model: string): Adaptation {
  const warnings: Warning[] = [];
  const changes: Record<string, Json | undefined> = {};
  for (const field of omits) if (Object.hasOwn(body, field)) changes[field] = undefined;
  for (const [field, why] of Object.entries(refuses)) {
    if (!Object.hasOwn(body, field)) continue;
    changes[field] = undefined;
    if (!saysNothing(field, body[field]!)) warnings.push(...lost(field, body[field]!, why));
  }
  for (const [field, other] of Object.entries(renames)) {
    if (!Object.hasOwn(body, field) || Object.hasOwn(changes, field)) continue;
    changes[field] = undefined;
    if (!Object.hasOwn(body, other)) changes[other] = body[field];
  }
  const amended = amend?.(defined({ ...body, ...changes }), model, warnings) ?? {};
  return { changes: { ...changes, ...amended }, warnings };
}

const defined = (members: Changes): JsonObject =>
  Object.fromEntries(Object.entries(members).filter((member): member is [string, Json] => member[1] !== undefined));

/** Tools are lost one by one. */
const lost = (field: string, value: Json, why: string): readonly Warning[] =>
  field === 'tools' && Array.isArray(value) ? value.map((_, index) => dropped(`tools[${index}]`, why)) : [dropped(field, why)];

/** For vendors that would call what shall not be called: the tools stay away together with the choice. */
export function withoutTools({ tools, tool_choice: choice }: JsonObject, vendor: string, warnings: Warning[]): Changes {
  if (choice !== 'none' || tools === undefined) return {};
  const why = `${vendor} cannot be told to call none: the tools were not sent.`;
  warnings.push(...lost('tools', tools, why).map(({ field }) => approximated(field, why)), approximated('tool_choice', why));
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

/** What is so without being said. */
const saysNothing = (field: string, value: Json): boolean =>
  value === null || (Object.hasOwn(defaults, field) && defaults[field] === value);

function coded(failure: Failure, codes: Readonly<Record<string, FailureKind>>): Failure {
  const { code } = failure;
  const kind = code !== undefined && Object.hasOwn(codes, code) ? codes[code] : undefined;
  return kind ? { ...failure, kind } : failure;
}
