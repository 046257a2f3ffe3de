/** Tool calls that come in pieces: which call a piece belongs to, when its index or id is missing or says nothing. */
import type { StreamEvent } from '../../core/chat.ts';
import type { SaidCall } from './content.ts';
import { inventId } from './reading.ts';

interface Call {
  /** As the vendor numbers it. */
  readonly index: number | undefined;
  /** As the vendor names it, '' when it does not. */
  readonly id: string;
  name: string;
  /** Its number in the order of appearance, once it was told. */
  told: number | undefined;
  /** What came so far. */
  arguments: string;
}

export interface Calls {
  /** How many were told. */
  readonly count: number;
  add(pieces: readonly SaidCall[]): readonly StreamEvent[];
  /** Calls whose name never came are told without one. */
  end(): readonly StreamEvent[];
}

export function collectCalls(choice: number, answerId: () => string): Calls {
  const calls: Call[] = [];
  let count = 0;

  const tell = (call: Call, signature: string): readonly StreamEvent[] => {
    const index = count++;
    call.told = index;
    const id = call.id || inventId(answerId(), choice, index, call.name);
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

  const take = (piece: SaidCall): readonly StreamEvent[] => {
    let call = callOf(calls, piece);
    if (!call) {
      call = { index: piece.index, id: piece.id, name: piece.name, told: undefined, arguments: '' };
      calls.push(call);
    }
    call.arguments += piece.arguments;
    if (call.told !== undefined) return delta(call.told, piece.arguments);
    call.name ||= piece.name;
    return call.name === '' ? [] : tell(call, piece.signature);
  };

  return {
    get count() {
      return count;
    },
    add: pieces => pieces.flatMap(take),
    end: () => calls.flatMap(call => (call.told === undefined ? tell(call, '') : [])),
  };
}

/** The call that a piece goes on with; undefined when it begins another. */
function callOf(calls: readonly Call[], piece: SaidCall): Call | undefined {
  if (piece.index === undefined && piece.id !== '') return calls.find(call => call.id === piece.id);
  const known = piece.index === undefined ? calls.at(-1) : calls.findLast(call => call.index === piece.index);
  if (!known || piece.name === '' || known.name === '') return known;
  // Some vendors repeat the name in every piece; some give the index 0, or none, to every call.
  if (piece.id !== '') return known.id === piece.id ? known : undefined;
  if (known.id !== '' && piece.index !== undefined) return known;
  return known.name === piece.name && !isWhole(known.arguments) ? known : undefined;
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
