/** Collects tool calls from deltas, and assigns each delta to its call when index or id is missing or useless. */
import type { StreamEvent } from '../../../core/chat/chat.ts';
import type { ParsedCall } from './content.ts';
import { generateCallId } from './reading.ts';

interface Call {
  /** The vendor's index. */
  readonly index: number | undefined;
  /** The vendor's id, '' for none. */
  readonly id: string;
  name: string;
  /** Its index in order of appearance, once emitted. */
  emittedIndex: number | undefined;
  /** The arguments so far. */
  arguments: string;
}

export interface CallCollector {
  /** The number of emitted calls. */
  readonly count: number;
  add(deltas: readonly ParsedCall[]): readonly StreamEvent[];
  /** Emits calls whose name never arrived without one. */
  end(): readonly StreamEvent[];
}

/** A collector for the tool calls of one choice. `responseId` is called for calls without an id. */
export function collectCalls(choice: number, responseId: () => string): CallCollector {
  const calls: Call[] = [];
  let count = 0;

  const emit = (call: Call, { signature, freeform }: Pick<ParsedCall, 'signature' | 'freeform'>): readonly StreamEvent[] => {
    const index = count++;
    call.emittedIndex = index;
    const id = call.id || generateCallId(responseId(), choice, index, call.name);
    const start: StreamEvent = {
      type: 'tool-call-start',
      choice,
      index,
      id,
      name: call.name,
      ...(freeform ? { freeform } : {}),
      ...(signature === '' ? {} : { signature }),
    };
    return [start, ...delta(index, call.arguments)];
  };
  const delta = (index: number, text: string): readonly StreamEvent[] =>
    text === '' ? [] : [{ type: 'tool-call-delta', choice, index, arguments: text }];

  const addDelta = (callDelta: ParsedCall): readonly StreamEvent[] => {
    let call = callOf(calls, callDelta);
    if (!call) {
      call = { index: callDelta.index, id: callDelta.id, name: callDelta.name, emittedIndex: undefined, arguments: '' };
      calls.push(call);
    }
    call.arguments += callDelta.arguments;
    if (call.emittedIndex !== undefined) return delta(call.emittedIndex, callDelta.arguments);
    call.name ||= callDelta.name;
    return call.name === '' ? [] : emit(call, callDelta);
  };

  return {
    get count() {
      return count;
    },
    add: pieces => pieces.flatMap(addDelta),
    end: () => calls.flatMap(call => (call.emittedIndex === undefined ? emit(call, { signature: '', freeform: false }) : [])),
  };
}

/** The call that a delta belongs to; undefined when it starts a new one. */
function callOf(calls: readonly Call[], callDelta: ParsedCall): Call | undefined {
  if (callDelta.index === undefined && callDelta.id !== '') return calls.find(call => call.id === callDelta.id);
  const known = callDelta.index === undefined ? calls.at(-1) : calls.findLast(call => call.index === callDelta.index);
  if (!known || callDelta.name === '' || known.name === '') return known;
  // Some vendors repeat the name in every delta; some send the index 0, or none, for every call.
  if (callDelta.id !== '') return known.id === callDelta.id ? known : undefined;
  if (known.id !== '' && callDelta.index !== undefined) return known;
  return known.name === callDelta.name && !isCompleteJson(known.arguments) ? known : undefined;
}

function isCompleteJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
