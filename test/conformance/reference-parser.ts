/** The reference parser: the content of a recorded response, parsed independently of the gateway's code. */

/** Untyped bodies. */
// biome-ignore lint/suspicious/noExplicitAny: the reference parser takes untyped bodies
export type Body = any;

export interface ReferenceAnswer {
  text: string;
  reasoning: string;
  calls: { name: string; arguments: string }[];
  /** The provider's own finish reason. */
  finish: string;
  usage?: { input: number; output: number; cached: number } | undefined;
}

export interface Row {
  readonly id: string;
  readonly api: string;
  readonly model: string;
  readonly url: string;
  readonly status: number;
  readonly framing: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly request: Body;
  readonly body: string;
  readonly body_encoding: string;
  readonly chunk_lengths?: readonly number[];
}

const emptyAnswer = (): ReferenceAnswer => ({ text: '', reasoning: '', calls: [], finish: '' });
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** The data of each server-sent event, separated by blank lines. */
export const eventsOf = (body: string): string[] =>
  body
    .replaceAll('\r\n', '\n')
    .split(/\n\n+/)
    .map(block =>
      block
        .split('\n')
        .filter(line => line.startsWith('data:'))
        .map(line => line.slice(5).trim())
        .join('\n'),
    )
    .filter(data => data !== '' && data !== '[DONE]');

const jsonEvents = (body: string): Body[] => eventsOf(body).map(data => JSON.parse(data));

/** The payloads of AWS's binary messages with their event names. */
function awsEvents(bytes: Buffer): { name: string; data: Body }[] {
  const events: { name: string; data: Body }[] = [];
  for (let at = 0; at + 16 <= bytes.length; at += bytes.readUInt32BE(at)) {
    const total = bytes.readUInt32BE(at);
    const headers = bytes.toString('latin1', at + 12, at + 12 + bytes.readUInt32BE(at + 4));
    const name = /:event-type\x07..(\w+?)(?=\r:|\x0d|$)/s.exec(headers)?.[1] ?? '';
    const payload = bytes.toString('utf8', at + 12 + bytes.readUInt32BE(at + 4), at + total - 4);
    events.push({ name, data: JSON.parse(payload) });
  }
  return events;
}

export function parseRow(row: Row): ReferenceAnswer {
  const stream = row.framing !== 'json' && row.framing !== 'text';
  switch (row.api) {
    case 'chat':
      return stream ? chatStream(jsonEvents(row.body)) : chatAnswer(JSON.parse(row.body));
    case 'responses':
      return responses(
        stream
          ? jsonEvents(row.body).findLast(event => /^response\.(completed|incomplete)$/.test(event.type)).response
          : JSON.parse(row.body),
      );
    case 'messages':
      return stream ? messagesStream(jsonEvents(row.body)) : messagesAnswer(JSON.parse(row.body));
    case 'generateContent':
    case 'streamGenerateContent':
      return gemini(stream ? jsonEvents(row.body) : [JSON.parse(row.body)].flat());
    case 'converse':
      return converse(JSON.parse(row.body));
    case 'converse-stream':
      return converseStream(
        row.framing === 'ndjson'
          ? row.body
              .trim()
              .split('\n')
              .map(line => Object.entries(JSON.parse(line))[0]!)
              .map(([name, data]) => ({ name, data }))
          : awsEvents(Buffer.from(row.body, 'base64')),
      );
    case 'chat-v2':
      return stream ? cohereStream(jsonEvents(row.body)) : cohere(JSON.parse(row.body));
    default:
      return dashscope(stream ? jsonEvents(row.body) : [JSON.parse(row.body)], row.request?.parameters?.incremental_output === true);
  }
}

const textOf = (content: Body): string => (Array.isArray(content) ? content.map(part => part.text ?? '').join('') : (content ?? ''));
const reasoningOf = (message: Body): string =>
  message.reasoning_content ||
  message.reasoning ||
  (message.reasoning_details ?? []).map((detail: Body) => detail.text ?? detail.summary ?? '').join('') ||
  (Array.isArray(message.content) ? message.content : [])
    .flatMap((part: Body) => part.thinking ?? [])
    .map((part: Body) => part.text)
    .join('');

function chatUsage(usage: Body): ReferenceAnswer['usage'] {
  if (typeof usage?.prompt_tokens !== 'number' && typeof usage?.completion_tokens !== 'number') return undefined;
  const { prompt_tokens: input = 0, completion_tokens: completionTokens = 0 } = usage;
  const reasoning = number(usage.completion_tokens_details?.reasoning_tokens);
  const output = usage.total_tokens === input + completionTokens + reasoning ? completionTokens + reasoning : completionTokens;
  const cached = [usage.prompt_tokens_details?.cached_tokens, usage.prompt_cache_hit_tokens, usage.cached_tokens, usage.num_cached_tokens];
  return { input, output, cached: number(cached.find(value => typeof value === 'number')) };
}

function chatAnswer(body: Body): ReferenceAnswer {
  const reading = emptyAnswer();
  for (const { message, finish_reason: finish, finish_details: details } of body.choices) {
    reading.text += textOf(message.content) || (message.audio?.transcript ?? '');
    reading.reasoning += reasoningOf(message);
    const calls = [...(message.tool_calls ?? []), ...(message.function_call?.name ? [{ function: message.function_call }] : [])];
    for (const call of calls) {
      const { name, arguments: argumentsText = call.custom?.input } = call.function ?? call.custom;
      reading.calls.push({
        name,
        arguments: typeof argumentsText === 'object' && argumentsText !== null ? JSON.stringify(argumentsText) : (argumentsText ?? ''),
      });
    }
    reading.finish ||= finish ?? details?.type ?? '';
  }
  reading.usage = chatUsage(body.usage);
  return reading;
}

function chatStream(chunks: Body[]): ReferenceAnswer {
  const choices = new Map<number, ReferenceAnswer & { open: Map<number, { name: string; arguments: string }> }>();
  let usage: ReferenceAnswer['usage'];
  for (const chunk of chunks) {
    for (const { index = 0, delta, message, finish_reason: finish } of chunk.choices ?? []) {
      const content = delta ?? message ?? {};
      const reading = choices.get(index) ?? { ...emptyAnswer(), open: new Map() };
      choices.set(index, reading);
      reading.text += textOf(content.content);
      reading.reasoning += reasoningOf(content);
      const calls = [...(content.tool_calls ?? []), ...(content.function_call ? [{ index: 0, function: content.function_call }] : [])];
      for (const { index: at = 0, function: called, custom } of calls) {
        const call = reading.open.get(at) ?? { name: '', arguments: '' };
        reading.open.set(at, call);
        call.name ||= called?.name ?? custom?.name ?? '';
        call.arguments += called?.arguments ?? custom?.input ?? '';
      }
      if (finish && finish !== 'null') reading.finish ||= finish;
    }
    usage = chatUsage(chunk.usage) ?? chatUsage(chunk.x_groq?.usage) ?? usage;
  }
  const all = [...choices].sort(([a], [b]) => a - b).map(([, reading]) => ({ ...reading, calls: [...reading.open.values()] }));
  return { ...joined(all), ...(usage ? { usage } : {}) };
}

const joined = (all: readonly ReferenceAnswer[]): ReferenceAnswer => ({
  text: all.map(({ text }) => text).join(''),
  reasoning: all.map(({ reasoning }) => reasoning).join(''),
  calls: all.flatMap(({ calls }) => calls),
  finish: all[0]?.finish ?? '',
});

function responses(body: Body): ReferenceAnswer {
  const reading = emptyAnswer();
  for (const item of body.output) {
    if (item.type === 'message') for (const part of item.content) reading.text += part.type === 'output_text' ? part.text : '';
    if (item.type === 'reasoning') {
      const summary = (item.summary ?? []).map((part: Body) => part.text).join('\n\n');
      reading.reasoning += summary || (item.content ?? []).map((part: Body) => part.text).join('');
    }
    if (item.type === 'function_call') {
      const isInside = item.namespace && item.namespace !== item.name;
      reading.calls.push({ name: isInside ? `${item.namespace}__${item.name}` : item.name, arguments: item.arguments });
    }
    if (item.type === 'custom_tool_call') reading.calls.push({ name: item.name, arguments: item.input });
    if (item.type === 'tool_search_call' && item.execution === 'client')
      reading.calls.push({ name: 'tool_search', arguments: JSON.stringify(item.arguments) });
  }
  reading.finish = body.incomplete_details?.reason ?? body.status;
  const { usage } = body;
  if (usage) {
    reading.usage = { input: usage.input_tokens, output: usage.output_tokens, cached: usage.input_tokens_details?.cached_tokens ?? 0 };
  }
  return reading;
}

const messagesUsage = (usage: Body): NonNullable<ReferenceAnswer['usage']> => ({
  input: number(usage.input_tokens) + number(usage.cache_read_input_tokens) + number(usage.cache_creation_input_tokens),
  output: number(usage.output_tokens),
  cached: number(usage.cache_read_input_tokens),
});

function messagesAnswer(body: Body): ReferenceAnswer {
  const reading = emptyAnswer();
  for (const block of body.content) {
    if (block.type === 'text') reading.text += block.text;
    if (block.type === 'thinking') reading.reasoning += block.thinking;
    if (block.type === 'tool_use') reading.calls.push({ name: block.name, arguments: JSON.stringify(block.input) });
  }
  reading.finish = body.stop_reason ?? '';
  if (body.usage) reading.usage = messagesUsage(body.usage);
  return reading;
}

function messagesStream(events: Body[]): ReferenceAnswer {
  const reading = emptyAnswer();
  const calls = new Map<number, { name: string; arguments: string; whole: Body }>();
  let usage: Body = {};
  const count = (counts: Body): void => {
    for (const [name, value] of Object.entries(counts ?? {})) if (value !== null) usage = { ...usage, [name]: value };
  };
  for (const event of events) {
    const { content_block: block, delta } = event;
    if (event.type === 'message_start') count(event.message.usage);
    if (event.type === 'content_block_start') {
      reading.text += block.type === 'text' ? block.text : '';
      reading.reasoning += block.type === 'thinking' ? block.thinking : '';
      if (block.type === 'tool_use') calls.set(event.index, { name: block.name, arguments: '', whole: block.input });
    }
    if (event.type === 'content_block_delta') {
      if (delta.type === 'text_delta') reading.text += delta.text;
      if (delta.type === 'thinking_delta') reading.reasoning += delta.thinking;
      const call = calls.get(event.index);
      if (delta.type === 'input_json_delta' && call) call.arguments += delta.partial_json;
    }
    if (event.type === 'message_delta') {
      reading.finish = delta.stop_reason ?? reading.finish;
      count(event.usage);
    }
  }
  reading.calls = [...calls.values()].map(({ name, arguments: sent, whole: complete }) => ({
    name,
    arguments: sent || JSON.stringify(complete ?? {}),
  }));
  if (usage.output_tokens !== undefined) reading.usage = messagesUsage(usage);
  return reading;
}

function gemini(chunks: Body[]): ReferenceAnswer {
  const reading = emptyAnswer();
  for (const chunk of chunks) {
    for (const candidate of chunk.candidates ?? []) {
      for (const part of candidate.content?.parts ?? []) {
        if (part.text !== undefined) reading[part.thought ? 'reasoning' : 'text'] += part.text;
        if (part.functionCall?.name)
          reading.calls.push({ name: part.functionCall.name, arguments: JSON.stringify(part.functionCall.args ?? {}) });
      }
      reading.finish = candidate.finishReason ?? reading.finish;
    }
    reading.finish ||= chunk.promptFeedback?.blockReason ?? '';
    const { usageMetadata: usage } = chunk;
    if (usage) {
      reading.usage = {
        input: number(usage.promptTokenCount) + number(usage.toolUsePromptTokenCount),
        output: number(usage.candidatesTokenCount) + number(usage.thoughtsTokenCount),
        cached: number(usage.cachedContentTokenCount),
      };
    }
  }
  return reading;
}

const converseUsage = (usage: Body): NonNullable<ReferenceAnswer['usage']> => ({
  input: number(usage.inputTokens) + number(usage.cacheReadInputTokens) + number(usage.cacheWriteInputTokens),
  output: number(usage.outputTokens),
  cached: number(usage.cacheReadInputTokens),
});

function converse(body: Body): ReferenceAnswer {
  const reading = emptyAnswer();
  for (const block of body.output.message.content) {
    reading.text += block.text ?? '';
    reading.reasoning += block.reasoningContent?.reasoningText?.text ?? '';
    if (block.toolUse) reading.calls.push({ name: block.toolUse.name, arguments: JSON.stringify(block.toolUse.input) });
  }
  reading.finish = body.stopReason;
  if (body.usage) reading.usage = converseUsage(body.usage);
  return reading;
}

function converseStream(events: { name: string; data: Body }[]): ReferenceAnswer {
  const reading = emptyAnswer();
  const calls = new Map<number, { name: string; arguments: string }>();
  for (const { name, data } of events) {
    if (name === 'contentBlockStart' && data.start.toolUse)
      calls.set(data.contentBlockIndex, { name: data.start.toolUse.name, arguments: '' });
    if (name === 'contentBlockDelta') {
      reading.text += data.delta.text ?? '';
      reading.reasoning += data.delta.reasoningContent?.text ?? '';
      const call = calls.get(data.contentBlockIndex);
      if (data.delta.toolUse && call) call.arguments += data.delta.toolUse.input;
    }
    if (name === 'messageStop') reading.finish = data.stopReason;
    if (name === 'metadata') reading.usage = converseUsage(data.usage);
  }
  reading.calls = [...calls.values()];
  return reading;
}

const cohereUsage = (usage: Body): ReferenceAnswer['usage'] =>
  usage?.billed_units
    ? { input: number(usage.billed_units.input_tokens), output: number(usage.billed_units.output_tokens), cached: 0 }
    : undefined;

function cohere(body: Body): ReferenceAnswer {
  const reading = emptyAnswer();
  const { message } = body;
  reading.reasoning = message.tool_plan ?? '';
  for (const part of message.content ?? []) reading[part.type === 'thinking' ? 'reasoning' : 'text'] += part.thinking ?? part.text;
  reading.calls = (message.tool_calls ?? []).map((call: Body) => ({ name: call.function.name, arguments: call.function.arguments }));
  reading.finish = body.finish_reason;
  reading.usage = cohereUsage(body.usage);
  return reading;
}

function cohereStream(events: Body[]): ReferenceAnswer {
  const reading = emptyAnswer();
  for (const { type, delta } of events) {
    const message = delta?.message ?? {};
    reading.text += message.content?.text ?? '';
    reading.reasoning += (message.content?.thinking ?? '') + (message.tool_plan || '');
    const called = message.tool_calls?.function;
    if (type === 'tool-call-start') reading.calls.push({ name: called.name, arguments: called.arguments ?? '' });
    if (type === 'tool-call-delta') reading.calls.at(-1)!.arguments += called.arguments ?? '';
    if (type === 'message-end') {
      reading.finish = delta.finish_reason;
      reading.usage = cohereUsage(delta.usage);
    }
  }
  return reading;
}

/** Without incremental output every event has the whole text so far. */
function dashscope(events: Body[], increments: boolean): ReferenceAnswer {
  const reading = emptyAnswer();
  const calls = new Map<number, { name: string; arguments: string }>();
  for (const { output, usage } of events) {
    const choice = output.choices?.[0] ?? { message: { content: output.text }, finish_reason: output.finish_reason };
    const { content, reasoning_content: thought = '', tool_calls: called = [] } = choice.message;
    reading.text = increments ? reading.text + textOf(content) : textOf(content);
    reading.reasoning = increments ? reading.reasoning + thought : thought;
    for (const { index = 0, function: calledFunction } of called) {
      const call = calls.get(index) ?? { name: '', arguments: '' };
      calls.set(index, call);
      call.name ||= calledFunction.name ?? '';
      call.arguments = increments ? call.arguments + (calledFunction.arguments ?? '') : (calledFunction.arguments ?? '');
    }
    if (choice.finish_reason !== 'null') reading.finish = choice.finish_reason ?? reading.finish;
    if (usage) {
      const { input_tokens: input, output_tokens: counted, prompt_tokens_details: details } = usage;
      reading.usage = { input, output: counted, cached: details?.cached_tokens ?? 0 };
    }
  }
  reading.calls = [...calls.values()];
  return reading;
}
