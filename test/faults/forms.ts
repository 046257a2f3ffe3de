/** The wire formats of the fault matrix: the same answer, `hello`, in the phases of each one's stream and in one piece. */
import type { Provider } from '../../gateway/core/provider.ts';
import { anthropic } from '../../gateway/providers/anthropic.ts';
import { gemini } from '../../gateway/providers/gemini.ts';
import { openai } from '../../gateway/providers/openai.ts';
import { chunks, completion, done, event } from './chat.ts';

export type FormName = 'JSON' | 'OpenAI SSE' | 'Anthropic SSE' | 'Gemini SSE';

export interface Form {
  readonly name: FormName;
  readonly provider: Provider;
  readonly stream: boolean;
  /** Events by phase; a JSON answer is its two halves. */
  readonly prelude: readonly string[];
  readonly content: readonly string[];
  readonly rest: readonly string[];
  readonly finish: readonly string[];
  /** The format's last word; none in Gemini's. */
  readonly sentinel: readonly string[];
  /** An error told inside of a stream or a 200. */
  readonly error: string;
  /** What a 400 says of a request that is too long, and of one that a filter refuses; Gemini says that in an answer. */
  readonly tooLong: object;
  readonly filtered?: object;
}

const named = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const of = chunks();
const whole = JSON.stringify(completion('hello'));

const openaiForm: Form = {
  name: 'OpenAI SSE',
  provider: openai,
  stream: true,
  prelude: [of.role],
  content: [of.text('hel')],
  rest: [of.text('lo')],
  finish: [of.finish()],
  sentinel: [of.usage, done],
  error: event({ error: { message: 'Overloaded', type: 'overloaded_error' } }),
  tooLong: { error: { message: "This model's maximum context length is 10 tokens.", code: 'context_length_exceeded' } },
  filtered: { error: { message: 'The response was filtered', code: 'content_filter' } },
};

const jsonForm: Form = {
  ...openaiForm,
  name: 'JSON',
  stream: false,
  prelude: [],
  content: [whole.slice(0, 60)],
  rest: [whole.slice(60)],
  finish: [],
  sentinel: [],
  error: JSON.stringify({ error: { message: 'Overloaded', type: 'overloaded_error' } }),
};

const anthropicForm: Form = {
  name: 'Anthropic SSE',
  provider: anthropic,
  stream: true,
  prelude: [
    named('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'served',
        content: [],
        usage: { input_tokens: 3, output_tokens: 1 },
      },
    }),
    named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    named('ping', {}),
  ],
  content: [named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'hel' } })],
  rest: [named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'lo' } }), named('content_block_stop', { index: 0 })],
  finish: [named('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 2 } })],
  sentinel: [named('message_stop', {})],
  error: named('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
  tooLong: { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 200001 tokens > 200000 maximum' } },
  filtered: { type: 'error', error: { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' } },
};

const candidate = (text: string, more: object = {}): string =>
  event({
    candidates: [{ content: { role: 'model', parts: [{ text }] }, index: 0, ...more }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2, totalTokenCount: 5 },
    modelVersion: 'served',
    responseId: 'r1',
  });

const geminiForm: Form = {
  name: 'Gemini SSE',
  provider: gemini,
  stream: true,
  prelude: [candidate('')],
  content: [candidate('hel')],
  rest: [candidate('lo')],
  finish: [candidate('', { finishReason: 'STOP' })],
  sentinel: [],
  error: event({ error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }),
  tooLong: {
    error: {
      code: 400,
      message: 'The input token count (5) exceeds the maximum number of tokens allowed (4).',
      status: 'INVALID_ARGUMENT',
    },
  },
};

export const forms: readonly Form[] = [jsonForm, openaiForm, anthropicForm, geminiForm];
