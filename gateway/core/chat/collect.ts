/** Converts between streaming and non-streaming responses: `collectResponse` joins events, `eventsOf` splits a response into events. */

import type { Failure } from '../shared/failure.ts';
import type { ChatResponse, Choice, Citation, Finish, Part, StreamEvent, TokenLogprob, Usage } from './chat.ts';

interface ChoiceBuilder {
  readonly parts: Part[];
  /** The index in `parts` of each tool call. */
  readonly calls: Map<number, number>;
  readonly logprobs: TokenLogprob[];
  readonly unread: Set<string>;
  finish: Finish | undefined;
}

/**
 * The response that the events make up. A choice without an end gets the finish reason `other` with raw ''.
 * A Failure when an event reports one, or when no response started.
 */
export function collectResponse(events: readonly StreamEvent[]): ChatResponse | Failure {
  const choices = new Map<number, ChoiceBuilder>();
  let start: (StreamEvent & { type: 'response-start' }) | undefined;
  let usage: Usage | undefined;
  let serviceTier: string | undefined;
  for (const event of events) {
    switch (event.type) {
      case 'failure':
        return event.failure;
      case 'response-start':
        start ??= event;
        break;
      case 'usage':
        usage = event.usage;
        break;
      case 'tier':
        serviceTier = event.tier;
        break;
      case 'response-end':
        break;
      default:
        addEvent(builderOf(choices, event.choice), event);
    }
  }
  if (!start) return { kind: 'invalid-response', message: 'the response never started' };
  return {
    id: start.id,
    model: start.model,
    ...(start.created === undefined ? {} : { created: start.created }),
    choices: [...choices].toSorted(([a], [b]) => a - b).map(([index, gathering]) => buildChoice(index, gathering)),
    ...(usage ? { usage } : {}),
    ...(serviceTier === undefined ? {} : { serviceTier }),
  };
}

function builderOf(choices: Map<number, ChoiceBuilder>, choice: number): ChoiceBuilder {
  const known = choices.get(choice);
  if (known) return known;
  const created: ChoiceBuilder = { parts: [], calls: new Map(), logprobs: [], unread: new Set(), finish: undefined };
  choices.set(choice, created);
  return created;
}

function buildChoice(index: number, { parts, logprobs, unread, finish }: ChoiceBuilder): Choice {
  return {
    index,
    content: parts,
    finish: finish ?? { reason: 'other', raw: '' },
    ...(logprobs.length > 0 ? { logprobs } : {}),
    ...(unread.size > 0 ? { unread: [...unread] } : {}),
  };
}

type ChoiceEvent = Extract<StreamEvent, { choice: number }>;

function addEvent(into: ChoiceBuilder, event: ChoiceEvent): void {
  switch (event.type) {
    case 'text-delta':
      return appendText(into.parts, 'text', event.text);
    case 'refusal-delta':
      return appendText(into.parts, 'refusal', event.text);
    case 'reasoning-delta':
      return appendReasoning(into.parts, event.text);
    case 'reasoning-signature':
      return attachSignature(into.parts, event.signature);
    case 'reasoning-redacted':
      into.parts.push({ type: 'reasoning', text: '', redacted: event.data });
      return;
    case 'tool-call-start': {
      const { id, name, signature, freeform } = event;
      into.calls.set(event.index, into.parts.length);
      const marks = { ...(freeform ? { freeform } : {}), ...(signature === undefined ? {} : { signature }) };
      into.parts.push({ type: 'tool-call', id, name, arguments: '', ...marks });
      return;
    }
    case 'tool-call-delta': {
      const at = into.calls.get(event.index);
      const part = at === undefined ? undefined : into.parts[at];
      if (part?.type === 'tool-call') into.parts[at!] = { ...part, arguments: part.arguments + event.arguments };
      return;
    }
    case 'logprobs':
      for (const token of event.tokens) into.logprobs.push(token);
      return;
    case 'citation':
      return attachCitation(into.parts, event.citation);
    case 'media':
      into.parts.push(event.part);
      return;
    case 'unread':
      if (into.unread.size < unmappedMax) into.unread.add(event.what);
      return;
    case 'choice-end':
      into.finish = event.finish;
  }
}

/** Bounds the record's size when a provider invents a kind for each block. */
export const unmappedMax = 32;

/** Attached to the last text part, or to a new empty one. */
function attachCitation(parts: Part[], citation: Citation): void {
  const at = parts.findLastIndex(part => part.type === 'text');
  const part = parts[at];
  if (part?.type === 'text') parts[at] = { ...part, citations: [...(part.citations ?? []), citation] };
  else parts.push({ type: 'text', text: '', citations: [citation] });
}

function appendText(parts: Part[], type: 'text' | 'refusal', text: string): void {
  const last = parts.at(-1);
  if (last?.type === type) parts[parts.length - 1] = { ...last, text: last.text + text };
  else parts.push({ type, text });
}

/** A signature ends its part; later reasoning starts a new one. */
function appendReasoning(parts: Part[], text: string): void {
  const last = parts.at(-1);
  const open = last?.type === 'reasoning' && last.signature === undefined && last.redacted === undefined;
  if (open) parts[parts.length - 1] = { ...last, text: last.text + text };
  else parts.push({ type: 'reasoning', text });
}

/** A signature without reasoning before it gets a part of its own. */
function attachSignature(parts: Part[], signature: string): void {
  const last = parts.at(-1);
  const open = last?.type === 'reasoning' && last.signature === undefined && last.redacted === undefined;
  if (open) parts[parts.length - 1] = { ...last, signature };
  else parts.push({ type: 'reasoning', text: '', signature });
}

/** The events that a streaming provider would have sent for this response. */
export function eventsOf(response: ChatResponse): readonly StreamEvent[] {
  const { id, model, created, usage, serviceTier } = response;
  return [
    { type: 'response-start', id, model, ...(created === undefined ? {} : { created }) },
    ...response.choices.flatMap(choiceEvents),
    ...(usage ? [{ type: 'usage', usage } as const] : []),
    ...(serviceTier === undefined ? [] : [{ type: 'tier', tier: serviceTier } as const]),
    { type: 'response-end' },
  ];
}

function choiceEvents({ index: choice, content, logprobs, unread = [], finish }: Choice): readonly StreamEvent[] {
  let calls = 0;
  const events = content.flatMap((part): readonly StreamEvent[] => {
    switch (part.type) {
      case 'text':
        return [
          { type: 'text-delta', choice, text: part.text },
          ...(part.citations ?? []).map((citation): StreamEvent => ({ type: 'citation', choice, citation })),
        ];
      case 'refusal':
        return [{ type: 'refusal-delta', choice, text: part.text }];
      case 'image':
      case 'audio':
      case 'document':
        return [{ type: 'media', choice, part }];
      case 'reasoning':
        return reasoningEvents(choice, part);
      case 'tool-call': {
        const index = calls++;
        const { id, name, signature, freeform } = part;
        const marks = { ...(freeform ? { freeform } : {}), ...(signature === undefined ? {} : { signature }) };
        return [
          { type: 'tool-call-start', choice, index, id, name, ...marks },
          { type: 'tool-call-delta', choice, index, arguments: part.arguments },
        ];
      }
      default:
        return [];
    }
  });
  return [
    ...events,
    ...(logprobs?.length ? [{ type: 'logprobs', choice, tokens: logprobs } as const] : []),
    ...unread.map((what): StreamEvent => ({ type: 'unread', choice, what })),
    { type: 'choice-end', choice, finish },
  ];
}

function reasoningEvents(choice: number, part: Part & { type: 'reasoning' }): readonly StreamEvent[] {
  if (part.redacted !== undefined) return [{ type: 'reasoning-redacted', choice, data: part.redacted }];
  const { text, signature } = part;
  return [
    ...(text === '' ? [] : [{ type: 'reasoning-delta', choice, text } as const]),
    ...(signature === undefined ? [] : [{ type: 'reasoning-signature', choice, signature } as const]),
  ];
}
