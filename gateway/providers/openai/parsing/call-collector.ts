/** Tool calls that come in pieces: which call a piece belongs to, when its index or id is missing or says nothing. */
import type { StreamEvent } from '../../../core/chat/chat.ts';
import type { ParsedCall } from './content.ts';
import { generateCallId } from './reading.ts';

interface Call {
  /** As the vendor numbers it. */
  readonly index: number | undefined;
  /** As the vendor names it, '' when it does not. */
  readonly id: string;
  name: string;
  /** Its number in the order of appearance, once it was told. */
  emittedIndex: number | undefined;
  /** What came so far. */
  arguments: string;
}

export interface CallCollector {
  /** How many were told. */
  readonly count: number;
  add(deltas: readonly ParsedCall[]): readonly StreamEvent[];
  /** Calls whose name never came are told without one. */
  end(): readonly StreamEvent[];
}

export function collectCalls(choice: number, answerId: () => string): CallCollector {
  const calls: Call[] = [];
  let count = 0;

  const emit = (call: Call, signature: string): readonly StreamEvent[] => {
    const index = count++;
    call.emittedIndex = index;
    const id = call.id || generateCallId(answerId(), choice, index, call.name);
    const start: StreamEvent = {
      type: 'tool-call-start',
      choice,
      index,
      id,
      name: call.name,
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
    return call.name === '' ? [] : emit(call, callDelta.signature);
  };

  return {
    get count() {
      return count;
    },
    add: pieces => pieces.flatMap(addDelta),
    end: () => calls.flatMap(call => (call.emittedIndex === undefined ? emit(call, '') : [])),
  };
}

/** The call that a piece goes on with; undefined when it begins another. */
function callOf(calls: readonly Call[], callDelta: ParsedCall): Call | undefined {
  if (callDelta.index === undefined && callDelta.id !== '') return calls.find(call => call.id === callDelta.id);
  const known = callDelta.index === undefined ? calls.at(-1) : calls.findLast(call => call.index === callDelta.index);
  if (!known || callDelta.name === '' || known.name === '') return known;
  // Some vendors repeat the name in every piece; some give the index 0, or none, to every call.
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
