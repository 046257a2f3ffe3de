/** A scripted target in each wire format that enforces the format's real limits, calls the tools that it was sent, and answers once it has their results. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CallerFormat, isFieldProblem } from '../../gateway/core/chat/caller-format.ts';
import type { ChatRequest, ChatResponse, Part } from '../../gateway/core/chat/chat.ts';
import { eventsOf } from '../../gateway/core/chat/collect.ts';
import { geminiFor } from '../../gateway/dialects/gemini.ts';
import { callerFormats } from '../../gateway/dialects/index.ts';
import { awsMessage } from '../providers/aws-bytes.ts';
import { refusalOf } from './real-limits.ts';

export const targetNames = ['openai', 'template', 'responses', 'anthropic', 'gemini', 'bedrock'] as const;
export type TargetName = (typeof targetNames)[number];

/** The accounts and the model of each target, for the gateway's configuration. */
export const targetAccounts: Readonly<Record<TargetName, { readonly api: string; readonly root: string; readonly model: string }>> = {
  openai: { api: 'openai', root: '/v1', model: 'gpt-5' },
  template: { api: 'openai', root: '/v1', model: 'qwen3-32b' },
  responses: { api: 'openai-responses', root: '/v1', model: 'gpt-5' },
  anthropic: { api: 'anthropic', root: '', model: 'claude-opus-4-6' },
  gemini: { api: 'gemini', root: '', model: 'gemini-3.1-pro' },
  bedrock: { api: 'bedrock', root: '', model: 'anthropic.claude-opus-4-6-v1' },
};

/** A call that the model makes in a turn, by the name that the client declared. */
export interface ScriptedCall {
  readonly name: string;
  /** JSON, or the text of a freeform tool. */
  readonly arguments: string;
  readonly freeform?: boolean;
}

export interface Script {
  /** The calls of each turn; after the last, the model says `finalText`. */
  readonly turns: readonly (readonly ScriptedCall[])[];
  readonly finalText: string;
  /** Ids of calls longer than others take. */
  readonly longIds?: boolean;
}

/** What goes wrong in one turn, once. */
export interface Fault {
  readonly turn: number;
  readonly kind: 'cut' | 'down';
}

export interface Seen {
  readonly url: string;
  readonly body: string;
  /** Why it was refused; undefined for an answer. */
  readonly refusal?: string;
  /** How many results of calls it held. */
  readonly results: number;
  /** Whether it held reasoning that this target had signed. */
  readonly hasOwnReasoning: boolean;
}

export interface StrictTarget extends AsyncDisposable {
  readonly url: string;
  readonly seen: Seen[];
  /** Sets the script anew, and forgets what was seen. */
  play(script: Script, fault?: Fault): void;
}

/** Signatures as each maker forms them. */
const signatures: Readonly<Record<TargetName, string | undefined>> = {
  openai: undefined,
  template: undefined,
  responses: 'gAAAAstrict-target-responses',
  anthropic: 'c3RyaWN0LWFudGhyb3BpYw==',
  gemini: 'c3RyaWN0LWdlbWluaQ==',
  bedrock: 'c3RyaWN0LWJlZHJvY2s=',
};

const formatOf = (name: TargetName, url: string): CallerFormat => {
  if (name === 'gemini') return geminiFor('m', url.includes('stream'), true);
  const wires = { openai: 'openai-chat', template: 'openai-chat', responses: 'openai-responses', anthropic: 'anthropic-messages' };
  return callerFormats.find(format => format.name === wires[name as keyof typeof wires])!;
};

export async function startStrictTarget(name: TargetName): Promise<StrictTarget> {
  const seen: Seen[] = [];
  let script: Script = { turns: [], finalText: 'nothing' };
  let fault: Fault | undefined;
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    const url = request.url ?? '';
    const asked = read(name, url, text);
    const results = asked.resultIds.length;
    const refusal = refusalOf(name, JSON.parse(text || '{}')) ?? asked.problem;
    const signature = signatures[name];
    seen.push({
      url,
      body: text,
      results,
      hasOwnReasoning: signature !== undefined && text.includes(signature),
      ...(refusal ? { refusal } : {}),
    });
    if (refusal) return void response.writeHead(400, { 'content-type': 'application/json' }).end(errorBody(name, refusal));
    const turn = turnOf(script, results);
    const isFaulty = fault?.turn === turn;
    if (isFaulty && fault?.kind === 'down')
      return void response.writeHead(503, { 'content-type': 'application/json' }).end('{"error":{"message":"down"}}');
    if (isFaulty) fault = undefined;
    await send(response, name, url, text, answerOf(name, asked.tools, script, turn), isFaulty);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    play: (next, wrong) => {
      script = next;
      fault = wrong;
      seen.length = 0;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

interface Asked {
  readonly tools: readonly { readonly name: string; readonly isFreeform: boolean }[];
  readonly resultIds: readonly string[];
  readonly problem?: string;
}

function read(name: TargetName, url: string, text: string): Asked {
  if (name === 'bedrock') {
    // biome-ignore lint/suspicious/noExplicitAny: a body of Converse
    const body: any = JSON.parse(text);
    const tools = (body.toolConfig?.tools ?? []).flatMap((tool: { toolSpec?: { name: string } }) =>
      tool.toolSpec ? [tool.toolSpec.name] : [],
    );
    const ids = body.messages.flatMap((turn: { content: { toolResult?: { toolUseId: string } }[] }) =>
      turn.content.flatMap(({ toolResult }) => (toolResult ? [toolResult.toolUseId] : [])),
    );
    return { tools: tools.map((tool: string) => ({ name: tool, isFreeform: false })), resultIds: ids };
  }
  const chat = formatOf(name, url).parseRequest(JSON.parse(text));
  if (isFieldProblem(chat)) return { tools: [], resultIds: [], problem: chat.problem.message };
  const results = chat.messages.flatMap(({ content }) => content.flatMap(part => (part.type === 'tool-result' ? [part.id] : [])));
  return { tools: chat.tools.map(tool => ({ name: tool.name, isFreeform: tool.form?.type === 'freeform' })), resultIds: results };
}

/** The turn that comes after so many results. */
function turnOf({ turns }: Script, results: number): number {
  let left = results;
  for (const [turn, calls] of turns.entries()) {
    if (left < calls.length) return turn;
    left -= calls.length;
  }
  return turns.length;
}

/** Names are found by their beginning, because long ones were shortened. */
function answerOf(name: TargetName, tools: Asked['tools'], { turns, finalText, longIds }: Script, turn: number): ChatResponse {
  const signature = signatures[name];
  const thought: Part = { type: 'reasoning', text: `Turn ${turn}.`, ...(signature === undefined ? {} : { signature }) };
  // A request without tools is an agent's aside, such as a title.
  const calls = (tools.length === 0 ? [] : (turns[turn] ?? [])).map((call, i): Part => {
    const tool =
      tools.find(({ name: sent }) => sent === call.name) ?? tools.find(({ name: sent }) => sent.startsWith(call.name.slice(0, 50)));
    const isFreeform = tool?.isFreeform === true;
    const text = call.freeform && !isFreeform ? JSON.stringify({ input: call.arguments }) : call.arguments;
    const id = `call_${turn}_${i}${longIds ? `_${'x'.repeat(60)}` : ''}`;
    return { type: 'tool-call', id, name: tool?.name ?? call.name, arguments: text, ...(isFreeform ? { freeform: true as const } : {}) };
  });
  const content: readonly Part[] =
    calls.length > 0 ? [thought, { type: 'text', text: 'Working.' }, ...calls] : [thought, { type: 'text', text: finalText }];
  return {
    ...{ id: `answer_${turn}`, model: targetAccounts[name].model, created: 1_700_000_000 },
    choices: [{ index: 0, content, finish: calls.length > 0 ? { reason: 'tool-calls', raw: '' } : { reason: 'stop', raw: '' } }],
    usage: { input: 111, output: 22, cached: 0, cacheWrite: 0, reasoning: 3, source: 'provider' },
  };
}

/** OpenAI's own models keep their reasoning to themselves in chat completions. */
const shown = (name: TargetName, answer: ChatResponse): ChatResponse =>
  name === 'openai'
    ? {
        ...answer,
        choices: answer.choices.map(choice => ({ ...choice, content: choice.content.filter(part => part.type !== 'reasoning') })),
      }
    : answer;

async function send(
  response: ServerResponse,
  name: TargetName,
  url: string,
  text: string,
  answer: ChatResponse,
  isCut: boolean,
): Promise<void> {
  if (name === 'bedrock' && url.endsWith('/converse')) return sendWholeConverse(response, answer);
  if (name === 'bedrock') return sendConverse(response, answer, isCut);
  const format = formatOf(name, url);
  const request = format.parseRequest(JSON.parse(text)) as ChatRequest;
  const given = shown(name, answer);
  if (!request.stream)
    return void response.writeHead(200, { 'content-type': 'application/json' }).end(format.renderResponse(given, 1, request));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const renderer = format.renderStream({ includeUsage: true, now: 1, request });
  for (const event of eventsOf(given)) {
    if (isCut && event.type === 'choice-end') return void setTimeout(() => response.destroy(), 10);
    response.write(renderer.render(event));
  }
  response.end(renderer.end());
}

function sendWholeConverse(response: ServerResponse, { choices: [choice], usage }: ChatResponse): void {
  const content = choice!.content.flatMap((part): readonly object[] => {
    if (part.type === 'text') return [{ text: part.text }];
    if (part.type === 'reasoning') return [{ reasoningContent: { reasoningText: { text: part.text, signature: part.signature } } }];
    return part.type === 'tool-call' ? [{ toolUse: { toolUseId: part.id, name: part.name, input: JSON.parse(part.arguments) } }] : [];
  });
  const stopReason = choice!.finish.reason === 'stop' ? 'end_turn' : 'tool_use';
  const counts = { inputTokens: usage!.input, outputTokens: usage!.output, totalTokens: 133 };
  const body = { output: { message: { role: 'assistant', content } }, stopReason, usage: counts };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendConverse(response: ServerResponse, { choices: [choice], usage }: ChatResponse, isCut: boolean): void {
  response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
  const write = (event: string, data: object): void => void response.write(awsMessage({ event, data: JSON.stringify(data) }));
  write('messageStart', { role: 'assistant' });
  for (const [contentBlockIndex, part] of choice!.content.entries()) {
    const delta = (inner: object): void => write('contentBlockDelta', { contentBlockIndex, delta: inner });
    if (part.type === 'text') delta({ text: part.text });
    if (part.type === 'reasoning') {
      delta({ reasoningContent: { text: part.text } });
      delta({ reasoningContent: { signature: part.signature } });
    }
    if (part.type === 'tool-call') {
      write('contentBlockStart', { contentBlockIndex, start: { toolUse: { toolUseId: part.id, name: part.name } } });
      delta({ toolUse: { input: part.arguments } });
    }
    write('contentBlockStop', { contentBlockIndex });
  }
  if (isCut) return void setTimeout(() => response.destroy(), 10);
  write('messageStop', { stopReason: choice!.finish.reason === 'stop' ? 'end_turn' : 'tool_use' });
  write('metadata', { usage: { inputTokens: usage!.input, outputTokens: usage!.output, totalTokens: 133 } });
  response.end();
}

function errorBody(name: TargetName, message: string): string {
  switch (name) {
    case 'anthropic':
      return JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message } });
    case 'gemini':
      return JSON.stringify({ error: { code: 400, status: 'INVALID_ARGUMENT', message } });
    case 'bedrock':
      return JSON.stringify({ message });
    default:
      return JSON.stringify({ error: { type: 'invalid_request_error', message } });
  }
}
